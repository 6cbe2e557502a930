#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The case tables under the thread sanitizer, on the CPU, PoCL and lavapipe. Criterion does not start
# under it, so the plain runner does.
. "$(dirname "$0")/../lib.sh"

build tsan -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized -Dbench=disabled
use_lavapipe
use_pocl
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 suppressions=$PWD/scripts/check/tsan.supp"
build/tsan/tests/run_cases
