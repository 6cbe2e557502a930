#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the compilers of vendors say of every kernel variant that the planner chooses for a GPU:
# registers, local memory, waves, spills. Nothing runs on a device. Fails on a spill. Intel's
# compiler is fetched with apt-get and unpacked in build/vendor; those for Mali and Adreno take part
# once mesa-compilers.sh has built them.
. "$(dirname "$0")/lib.sh"

scripts/setup.sh check
build release
[ -x build/release/tests/tools/variants ] || skip "the build has no OpenCL, Vulkan or glslang"
python3 scripts/vendor_report.py build/release/tests/tools build/vendor
