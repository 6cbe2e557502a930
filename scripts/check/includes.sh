#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Includes point one way: kernels see only args/, operators no backend, a backend neither operators
# nor another backend, the oracle nothing of src/, public headers nothing private.
. "$(dirname "$0")/../lib.sh"

# forbid WHERE WHAT: no file under WHERE includes what matches the pattern.
forbid() {
    local found
    found=$(grep -rnE "#include *[<\"](\.\./)*($2)" "$1" || true)
    [ -z "$found" ] && return
    say "$1 must not include $2:"
    say "$found"
    status=1
}

status=0
forbid include '(backend|kernels|log|cache|variant|source)\.h|args/|ops/|cpu/|opencl/|vulkan/[^v]'
forbid src/ops 'cpu/|opencl/|vulkan/'
forbid src/cpu 'ops/|opencl/|vulkan/'
forbid src/opencl 'args/|ops/|cpu/|vulkan/'
forbid src/vulkan 'args/|ops/|cpu/|opencl/'
forbid src/cpu/kernels 'gyre/|backend|kernels\.h|log\.h|device'
forbid cl '[^"]*/.*\.cl|src/|gyre/'
forbid shaders 'src/|gyre/'
forbid tests/oracle 'src/|gyre/|backend|args/|ops/|kernels|cases/'
forbid tests/harness 'gyre/(rope|attention|kv)|cases/|oracle/|backend|args/|ops/'
forbid tests/cases 'backend|args/|ops/|cpu/|opencl/|vulkan/'
[ "$status" = 0 ] || exit 1
say "one way"
