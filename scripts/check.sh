#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything that is too slow or too particular for test.sh: each script in scripts/check/ is a step.
# A step passes, fails, or is skipped by name where this machine lacks its tool. With arguments only
# the named steps run: scripts/check.sh oclgrind asan. Logs lie in build/check/.
. "$(dirname "$0")/lib.sh"

# In the order in which they run: quick ones first.
steps=(
    format spdx compilers install cpu-only small hidden broken-icd spirv vendor
    oclgrind validation asan tsan
)

# How long a step may take, in seconds, before it counts as failed.
readonly LIMIT=900

# run_step NAME: appends its row to the table.
run_step() {
    local name=$1 start=$SECONDS status=0 verdict
    local log=build/check/$name.log
    say "--- $name"
    timeout "$LIMIT" "scripts/check/$name.sh" >"$log" 2>&1 || status=$?
    case $status in
        0) verdict=passed ;;
        "$SKIP") verdict=skipped ;;
        *) verdict=failed && cat "$log" ;;
    esac
    counts[$verdict]=$((counts[$verdict] + 1))
    rows+=("$(printf '%-11s %-8s %4d s  %s' "$name" "$verdict" $((SECONDS - start)) \
        "$(tail -n 1 "$log")")")
}

scripts/setup.sh check
mkdir -p build/check
declare -A counts=([passed]=0 [failed]=0 [skipped]=0)
rows=()
[ $# -gt 0 ] && steps=("$@")
for step in "${steps[@]}"; do
    run_step "$step"
done
printf '%s\n' "${rows[@]}"
say "${counts[passed]} steps passed, ${counts[failed]} failed, ${counts[skipped]} skipped"
[ "${counts[failed]}" = 0 ]
