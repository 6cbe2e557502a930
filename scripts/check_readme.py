#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds README.md against the files it quotes: check_readme.py ROOT

A code block that follows the comment <!-- FILE --> is a run of whole lines of that file.
"""

import pathlib
import re
import sys

QUOTE = re.compile(r"^<!-- (\S+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(root):
    root = pathlib.Path(root)
    quotes = QUOTE.findall((root / "README.md").read_text(encoding="utf-8"))
    wrong = [name for name, text in quotes
             if "\n" + text not in "\n" + (root / name).read_text(encoding="utf-8")]
    for name in wrong:
        print(f"README.md does not quote {name} as it is")
    print(f"{len(quotes)} quotes, {len(wrong)} wrong")
    return 1 if wrong or not quotes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
