#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every test under the address, leak and undefined-behaviour sanitizers, on the CPU, PoCL and lavapipe.
. "$(dirname "$0")/../lib.sh"

# Drivers that are closed before the leak check leave frames without names, which no suppression
# fits: the programs get a dlclose that does nothing.
mkdir -p build
gcc -c -fPIC -o build/no_dlclose.o tests/tools/no_dlclose.c
build asan -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized \
    -Dc_args=-fno-sanitize-recover=all -Dc_link_args="$PWD/build/no_dlclose.o"
use_lavapipe
use_pocl
export UBSAN_OPTIONS=print_stacktrace=1
# glslang is C++ too, so shaders are compiled once without what lsan.supp forgives.
GYRE_CACHE_DIR='' build/asan/tests/run_cases --device vulkan --brief
LSAN_OPTIONS=suppressions=$PWD/scripts/check/lsan.supp:print_suppressions=0 \
    meson_test asan --timeout-multiplier 4
