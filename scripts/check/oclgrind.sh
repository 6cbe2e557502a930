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
staged=(rope/half_8 attention/dim_ attention/edge_ attention/causal_edge attention/mask_
    attention/scores_ attention/bits_9 attention/relative_dim_3 attention/second_7_5
    attention/rotated_7 attention/pos_v_33 attention/sums_out attention/packed_serving_start
    attention_merge/in_place attention_merge/parts_5 attention_merge/empty
    linear/edge_1 linear/causal_3 linear/causal_65 linear/shifted_between linear/dim_7
    linear/offset linear/decode_1 linear/sums_in_place/)
direct=(attention/edge_33x65 attention/causal_edge_33x33 attention/dim_64)

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

# clean LOG CASE...
clean() {
    grind "$@"
    ! grep -E "$complaints" "$1" || fail "see $1"
    say "$(awk '/passed/ {for (i = 2; i <= NF; i++) if ($i == "passed,") n += $(i - 1)} END {print n}' \
        "$1") cases, no complaint"
}

clean "$dir/staged.log" "${staged[@]}"
# Too little local memory for staging: the planner takes the kernel for Mali and Adreno.
export OCLGRIND_LOCAL_MEM_SIZE=8192
"$gyre" explain attention --device opencl | grep 'STAGED=0' || fail "the planner did not go direct"
clean "$dir/direct.log" "${direct[@]}"
unset OCLGRIND_LOCAL_MEM_SIZE

# The same kernels with a barrier taken out, to see that a race would be found.
mkdir -p "$dir/planted"
cp -r cl src "$dir/planted"
for kernel in attention attention_split; do
    sed -i '0,/barrier(CLK_LOCAL_MEM_FENCE);/s///' "$dir/planted/cl/$kernel.cl"
done
GYRE_KERNEL_DIR=$dir/planted grind "$dir/planted.log" attention/edge_33x65
grep -q 'data race' "$dir/planted.log" || fail "a missing barrier went unseen"
say "clean, and a planted race is found"
