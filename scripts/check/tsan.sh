#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The case tables under the thread sanitizer, on the CPU, PoCL and lavapipe. Criterion does not start
# under it, so the plain runner does.
. "$(dirname "$0")/../lib.sh"

object=$PWD/build/tsan_pthreadpool.o
mkdir -p build
gcc -c -fPIC -o "$object" tests/tools/tsan_pthreadpool.c
build tsan -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized -Dbench=disabled \
    -Dcli=disabled -Dtests=disabled -Dc_link_args="-fsanitize=thread $object"
meson compile -C build/tsan run_cases >/dev/null
use_lavapipe
use_pocl
build/tsan/tests/run_cases --brief
