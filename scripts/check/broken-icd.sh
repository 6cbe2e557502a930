#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A driver that is named but absent, or is no library at all, takes nothing but itself away.
. "$(dirname "$0")/../lib.sh"

build release
dir=$PWD/build/broken-icd
rm -rf "$dir"
mkdir -p "$dir"
say "this is no library" >"$dir/libgarbage.so"
say "$dir/libabsent.so" >"$dir/absent.icd"
say "$dir/libgarbage.so" >"$dir/garbage.icd"
cp /etc/OpenCL/vendors/pocl.icd "$dir" 2>/dev/null || true
manifest() { say '{"file_format_version": "1.0.0", "ICD": {"library_path": "'"$1"'", "api_version": "1.3.0"}}'; }
manifest "$dir/libabsent.so" >"$dir/absent.json"
manifest "$dir/libgarbage.so" >"$dir/garbage.json"
lavapipe=$(lavapipe_icd)

# listed PATTERN...: `gyre devices` has them all.
listed() {
    "$gyre" devices | tee build/broken-icd.txt
    local pattern
    for pattern in "$@"; do
        grep -q "$pattern" build/broken-icd.txt || fail "lost $pattern"
    done
}

say "broken OpenCL drivers:"
OCL_ICD_VENDORS=$dir listed cpu ${lavapipe:+vulkan:}
say "broken Vulkan drivers:"
VK_DRIVER_FILES=$dir/absent.json:$dir/garbage.json${lavapipe:+:$lavapipe} listed cpu ${lavapipe:+vulkan:}
say "the rest is there"
