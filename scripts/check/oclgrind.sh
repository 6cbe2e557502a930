#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# OpenCL kernels under oclgrind: no data race, no access out of bounds. libOpenCL is opened at run
# time, so oclgrind comes in as the one driver there is, not by its preloaded library.
. "$(dirname "$0")/../lib.sh"

have oclgrind || skip "no oclgrind"
library=$(ldconfig -p | sed -n 's/.*liboclgrind-rt-icd\.so.*=> //p' | head -n 1)
[ -n "$library" ] || library=$(find /usr/lib -name 'liboclgrind-rt-icd.so*' | head -n 1)
[ -n "$library" ] || skip "no liboclgrind-rt-icd.so"
build release
dir=$PWD/build/oclgrind
rm -rf "$dir"
mkdir -p "$dir/vendors"
say "$library" >"$dir/vendors/oclgrind.icd"
export OCL_ICD_VENDORS=$dir/vendors GYRE_CACHE_DIR='' GYRE_SELFTEST=0
export OCLGRIND_DATA_RACES=1
"$gyre" devices | grep -i oclgrind || fail "the OpenCL device is not oclgrind"

# Small cases: oclgrind takes seconds for a tile.
cases=(rope/half_8 attention/dim_8 attention/edge_9x33 attention/causal_edge_5x300
    attention/edge_1x97 attention/edge_33x65 attention/scores_)

# grind LOG CASE...
grind() {
    local log=$1 case
    shift
    : >"$log"
    for case in "$@"; do
        build/release/tests/run_cases --device opencl --case "$case" >>"$log" 2>&1 ||
            say "case $case failed" >>"$log"
    done
}
complaints='OCLGRIND FATAL ERROR|Invalid (read|write)|data race|Uninitialized|case .* failed'

grind "$dir/clean.log" "${cases[@]}"
! grep -E "$complaints" "$dir/clean.log" || fail "see build/oclgrind/clean.log"
say "$(grep -c passed "$dir/clean.log") groups of cases, no complaint"

# The same kernels with a barrier taken out, to see that a race would be found.
mkdir -p "$dir/planted"
cp -r cl src "$dir/planted"
for kernel in attention attention_split; do
    sed -i '0,/barrier(CLK_LOCAL_MEM_FENCE);/s///' "$dir/planted/cl/$kernel.cl"
done
GYRE_KERNEL_DIR=$dir/planted grind "$dir/planted.log" attention/edge_33x65
grep -q 'data race' "$dir/planted.log" || fail "a missing barrier went unseen"
say "clean, and a planted race is found"
