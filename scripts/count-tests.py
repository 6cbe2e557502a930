#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the tests in meson's JUnit log, prints those that did not pass and a table of suites, and
last "N passed, N failed, N skipped". Fails when one failed or none passed."""

import sys
import xml.etree.ElementTree as xml


def verdict(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def main(path):
    totals = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for suite in xml.parse(path).getroot().iter("testsuite"):
        counts = dict.fromkeys(totals, 0)
        for case in suite.iter("testcase"):
            counts[verdict(case)] += 1
            if verdict(case) != "passed":
                print(f"{verdict(case)}: {suite.get('name')}: {case.get('name')}")
        print(f"{suite.get('name'):40}", *(f"{n:5} {word}" for word, n in counts.items()))
        for word in totals:
            totals[word] += counts[word]
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
