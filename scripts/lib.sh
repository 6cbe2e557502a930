# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
# What the scripts share; sourced. Afterwards the working directory is the project's root.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SKIP=77 # exit status of a step that this machine cannot run

say() { printf '%s\n' "$*"; }

skip() {
    say "skipped: $*"
    exit "$SKIP"
}

fail() {
    say "failed: $*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# quietly LOG COMMAND...: its output goes to LOG, and is shown when it fails.
quietly() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# build NAME [MESON OPTION...]: configures build/NAME when it is new, and compiles it. In CI a
# component that is missing is an error; elsewhere it is left out.
build() {
    local dir=build/$1 auto=${CI:+enabled}
    shift
    mkdir -p "$dir"
    [ -f "$dir/build.ninja" ] ||
        quietly "$dir/setup.log" meson setup "$dir" --auto-features="${auto:-auto}" "$@"
    quietly "$dir/compile.log" meson compile -C "$dir"
}

# --- for the scripts that run things

readonly gyre=build/release/src/cli/gyre

# project_files PATHSPEC...: files under version control.
project_files() { git -c safe.directory="$PWD" ls-files -- "$@"; }

# meson_test NAME [OPTION...]: runs the tests of build/NAME; the last line counts them.
meson_test() {
    local dir=build/$1 status=0
    shift
    meson test -C "$dir" --no-rebuild --print-errorlogs "$@" || status=$?
    python3 scripts/tally.py "$dir/meson-logs/testlog.json" || status=1
    return "$status"
}

lavapipe_icd() { find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null | head -n 1; }

# One driver each: others print, leak or crash.
use_lavapipe() {
    local icd
    icd=$(lavapipe_icd)
    [ -z "$icd" ] || export VK_DRIVER_FILES=$icd
}

use_pocl() { [ ! -f /etc/OpenCL/vendors/pocl.icd ] || export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd; }
