#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every C file is as clang-format 14 writes it, and no line of code is longer than 100 columns:
# clang-format leaves comments and shaders alone.
. "$(dirname "$0")/../lib.sh"

mapfile -t sources < <(project_files '*.c' '*.h' '*.cl' '*.clh' '*.comp' '*.glsl')
awk 'length > 100 { print FILENAME ":" FNR ": " length " columns"; found = 1 } END { exit found }' \
    "${sources[@]}"

have clang-format || skip "no clang-format"
clang-format --version | grep -q 'version 14\.' || skip "$(clang-format --version), and 14 decides"
mapfile -t files < <(project_files '*.c' '*.h')
clang-format --dry-run -Werror "${files[@]}"
say "${#files[@]} files"
