#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Without OpenCL, Vulkan and JSON the library builds and passes its tests.
. "$(dirname "$0")/../lib.sh"

build cpu-only -Dopencl=disabled -Dvulkan=disabled -Djson=disabled
GYRE_REQUIRE=cpu meson_test cpu-only
