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
