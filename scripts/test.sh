#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, and runs every test on every device found. Arguments go to
# `meson test`. In CI ($CI set) an absent backend is a failure; elsewhere it is a stated skip.
. "$(dirname "$0")/lib.sh"

scripts/setup.sh
say "building in build/release"
build release
[ -z "${CI:-}" ] || export GYRE_REQUIRE=cpu,opencl,vulkan
meson_test release "$@"
