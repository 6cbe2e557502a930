#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job on real input: installs what is missing, builds, and runs RoPE and attention of a
# model's layer on every device found. Writes attention.png. Arguments go to `gyre demo`.
. "$(dirname "$0")/lib.sh"

scripts/setup.sh
say "building in build/release"
build release
"$gyre" demo --data examples/data --map attention.png "$@"
