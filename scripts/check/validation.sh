#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Vulkan under the Khronos validation layer: core checks and synchronisation first, then
# GPU-assisted, which looks for accesses out of bounds. Each is shown to find a planted bug.
. "$(dirname "$0")/../lib.sh"

[ -f /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json ] || skip "no validation layer"
build release
use_lavapipe
dir=$PWD/build/validation
rm -rf "$dir"
mkdir -p "$dir/layers"
export GYRE_CACHE_DIR='' GYRE_SELFTEST=0
export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
complaints='Validation (Error|Warning)|SYNC-HAZARD|VUID-'
synchronisation=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
gpu_assisted=VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT

# validate NAME FEATURE CASE [--brief]: runs the cases, logging what the layer says; they pass.
validate() {
    VK_LAYER_ENABLES=$2 build/release/tests/run_cases --device vulkan --case "${@:3}" \
        >"$dir/$1.log" 2>&1
}

# silent NAME: nothing is found in its log.
silent() {
    ! grep -m 5 -E "$complaints" "$dir/$1.log" || fail "see $dir/$1.log"
    say "$1: $(tail -n 1 "$dir/$1.log")"
}

# clean NAME FEATURE CASE: the cases pass, and nothing is found.
clean() {
    validate "$@" --brief || { tail -n 40 "$dir/$1.log"; fail "$1: cases failed"; }
    silent "$1"
}

clean synchronisation "$synchronisation" /
clean gpu-assisted "$gpu_assisted" _33x65
GYRE_REQUIRE=vulkan quietly "$dir/few-bindings.log" build/release/tests/test_few_bindings
silent few-bindings

# A layer above the validation layer drops every barrier between dispatches.
cc -shared -fPIC -fvisibility=hidden -o "$dir/layers/drop_barriers.so" tests/tools/drop_barriers.c
cat >"$dir/layers/drop_barriers.json" <<'END'
{"file_format_version": "1.1.0", "layer": {"name": "VK_LAYER_drop_barriers", "type": "GLOBAL",
 "library_path": "./drop_barriers.so", "api_version": "1.3.0", "implementation_version": "1",
 "description": "takes pipeline barriers out"}}
END
VK_INSTANCE_LAYERS=VK_LAYER_drop_barriers:$VK_INSTANCE_LAYERS \
    VK_LAYER_PATH=$dir/layers:/usr/share/vulkan/explicit_layer.d \
    validate planted-barrier "$synchronisation" attention/edge_1x1027 || true
grep -q SYNC-HAZARD "$dir/planted-barrier.log" || fail "missing barriers went unseen"

# Stores of rope go far past their buffer.
cp -r shaders src "$dir"
sed -i 's/^\(#define store_0(\([a-z]*\), i, value)\).*/\1 \2[(i) + 0x1000000] = value/' \
    "$dir/shaders/common.glsl"
GYRE_KERNEL_DIR=$dir validate planted-store "$gpu_assisted" rope/half_128/f32 || true
grep -qE 'VUID-vkCmdDispatch' "$dir/planted-store.log" || fail "a store out of bounds went unseen"
say "core, synchronisation and GPU-assisted validation say nothing, and find planted bugs"
