#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same binary runs on the CPU where there is no driver, and where there is not even libOpenCL or
# libvulkan.
. "$(dirname "$0")/../lib.sh"

build release

# Lists exactly the CPU, and computes the right thing on it.
only_cpu() {
    "$@" "$gyre" devices | tee build/hidden.txt
    grep -q cpu build/hidden.txt || fail "no CPU device"
    ! grep -qE 'opencl:|vulkan:' build/hidden.txt || fail "a device without its driver"
    "$@" "$gyre" verify --device cpu >/dev/null || fail "verify failed"
}

say "no drivers:"
only_cpu env VK_DRIVER_FILES=/nowhere VK_ICD_FILENAMES=/nowhere OCL_ICD_VENDORS=/nowhere

libraries=$(ldconfig -p | sed -nE 's/.*(libOpenCL|libvulkan)\.so\.1 .*=> (.*)/\2/p')
# hide COMMAND...: runs it where the loaders are files that no linker can read.
hide() {
    # shellcheck disable=SC2016
    unshare --mount bash -c '
        for library in $1; do mount --bind /dev/null "$(readlink -f "$library")" || exit; done
        shift
        exec "$@"' bash "$libraries" "$@"
}
hide true 2>/dev/null || { say "no drivers: right; without libraries: not permitted here"; exit 0; }
say "no libraries:"
only_cpu hide
say "no drivers, no libraries: the CPU serves"
