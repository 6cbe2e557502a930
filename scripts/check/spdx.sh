#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every file names its licence near its top; data, and texts of licences, cannot.
. "$(dirname "$0")/../lib.sh"

mapfile -t files < <(project_files ':!*LICENSE' ':!*.npy' ':!*.png')
mapfile -t bare < <(for file in "${files[@]}"; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || say "$file"
done)
[ ${#bare[@]} -eq 0 ] || fail "no SPDX line: ${bare[*]}"
say "${#files[@]} files"
