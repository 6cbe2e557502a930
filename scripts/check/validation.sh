#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Vulkan under the Khronos validation layer: core checks and synchronisation first, then
# GPU-assisted, which looks for accesses out of bounds.
. "$(dirname "$0")/../lib.sh"

[ -f /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json ] || skip "no validation layer"
build release
use_lavapipe
export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation GYRE_CACHE_DIR=''

# validate NAME FEATURES CASE: runs the cases; ':' separates features, anything else is ignored.
validate() {
    local log=build/validation-$1.log
    VK_LAYER_ENABLES=$2 build/release/tests/run_cases --device vulkan --case "$3" >"$log" 2>&1 ||
        { tail -n 40 "$log"; fail "$1: cases failed"; }
    ! grep -m 5 -E 'Validation (Error|Warning)|SYNC-HAZARD|VUID-' "$log" || fail "see $log"
    say "$1: $(tail -n 1 "$log")"
}

validate synchronisation VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT /
validate gpu-assisted VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT _33x65
say "core, synchronisation and GPU-assisted validation say nothing"
