#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gcc and clang build everything without a warning.
. "$(dirname "$0")/../lib.sh"

CC=gcc CXX=g++ build gcc -Dwerror=true
have clang || skip "gcc builds without a warning; no clang"
CC=clang CXX=clang++ build clang -Dwerror=true
say "gcc and clang, no warnings"
