#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every C file is as clang-format 14 writes it.
. "$(dirname "$0")/../lib.sh"

have clang-format || skip "no clang-format"
clang-format --version | grep -q 'version 14\.' || skip "$(clang-format --version), and 14 decides"
mapfile -t files < <(project_files '*.c' '*.h')
clang-format --dry-run -Werror "${files[@]}"
say "${#files[@]} files"
