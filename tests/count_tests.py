#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a Criterion program and makes sure of how many tests there were: count_tests.py N PROGRAM

Criterion's own summary leaves skipped tests out, it succeeds when there is no test at all, and it
ignores what a sanitizer finds while the process of a test ends. A program all of whose tests were
skipped counts as skipped.
"""
import os
import re
import subprocess
import sys
import tempfile

MESON_SKIP = 77
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")


def main():
    wanted, program = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        tap = os.path.join(folder, "tap")
        run = subprocess.run([program, "--tap=" + tap], check=False, stderr=subprocess.PIPE,
                             text=True, errors="replace")
        with open(tap, encoding="utf-8", errors="replace") as lines:
            results = [line for line in lines if line.startswith(("ok ", "not ok "))]
    skipped = [line for line in results if "# SKIP" in line]
    failed = [line for line in results if line.startswith("not ok ")]
    passed = len(results) - len(skipped) - len(failed)
    print(f"{os.path.basename(program)}: {len(results)} tests: {passed} passed, "
          f"{len(failed)} failed, {len(skipped)} skipped")
    if len(results) < wanted:
        print(f"there should be at least {wanted}")
    sys.stderr.write(run.stderr)
    is_dirty = SANITIZER.search(run.stderr) is not None
    if run.returncode or failed or is_dirty or len(results) < wanted:
        sys.exit(1)
    sys.exit(MESON_SKIP if skipped and not passed else 0)


main()
