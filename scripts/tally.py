#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the tests in a testlog.json of meson: a line per program, those that did not pass first, and
last "N passed, N failed, N skipped". A program that says "P passed, F failed, S skipped" counts as
that many tests. Fails when one failed or none passed."""

import json
import re
import sys

WORDS = ("passed", "failed", "skipped")
OWN_COUNT = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)
SKIPPED = "SKIP"
GOOD = ("OK", "EXPECTEDFAIL", SKIPPED)


def count(test):
    counts = dict.fromkeys(WORDS, 0)
    own = OWN_COUNT.findall(test.get("stdout", ""))
    if own:
        counts.update(zip(WORDS, map(int, own[-1])))
    elif test["result"] == SKIPPED:
        counts["skipped"] = 1
    elif test["result"] in GOOD:
        counts["passed"] = 1
    if test["result"] not in GOOD and not counts["failed"]:
        counts["failed"] = 1  # it crashed, ran out of time, or had too few tests
    return counts


def main(path):
    with open(path, encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    totals = dict.fromkeys(WORDS, 0)
    for test in tests:
        counts = count(test)
        print(f"{test['name']:32}", *(f"{counts[word]:4} {word}" for word in WORDS),
              f"{test['duration']:8.1f} s")
        for word in WORDS:
            totals[word] += counts[word]
    print(", ".join(f"{totals[word]} {word}" for word in WORDS))
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
