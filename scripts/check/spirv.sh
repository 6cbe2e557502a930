#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# spirv-val accepts the shaders as the Vulkan backend compiles them.
. "$(dirname "$0")/../lib.sh"

have spirv-val || skip "no spirv-val"
build release
[ -x build/release/tests/tools/variants ] || skip "the build has no OpenCL, Vulkan or glslang"
n=0
for shape in staged direct; do
    mkdir -p "build/spirv/$shape"
    build/release/tests/tools/variants "build/spirv/$shape" "$shape" >/dev/null
    for module in "build/spirv/$shape"/*.spv; do
        spirv-val --target-env vulkan1.1 "$module" || fail "$module"
        n=$((n + 1))
    done
done
say "$n modules"
