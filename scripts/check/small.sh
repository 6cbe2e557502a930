#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The build for small devices: SPIR-V made at build time, no glslang, no CLBlast, no command.
. "$(dirname "$0")/../lib.sh"

build small -Dglslang=disabled -Dclblast=disabled -Dopencl=disabled -Dcli=disabled \
    -Dbench=disabled -Dbuildtype=minsize
GYRE_REQUIRE=cpu,vulkan meson_test small
