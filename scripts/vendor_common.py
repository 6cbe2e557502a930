# SPDX-License-Identifier: MIT
"""What the compilers of the vendor report share. A compiler's module has

    find(tools, work) -> targets, each (name, function of a variant that gives a row)

and raises Missing where this machine cannot have it, Failure where a kernel is refused.
"""
import collections
import os
import re
import subprocess

# path: of DIR/STEM.cl and .spv without suffix; shapes: of GPUs for which the planner chooses it.
Variant = collections.namedtuple("Variant", "path kernel bindings consts defines shapes")
# None: this compiler does not tell.
Row = collections.namedtuple("Row", "registers local waves spills note", defaults=("",))


class Failure(Exception):
    """A compiler refused a kernel."""


class Missing(Exception):
    """What a compiler needs."""


def run(command, limit_s=300, **env):
    """What the command says."""
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True,
                          timeout=limit_s, check=False)
    said = done.stdout + done.stderr
    if done.returncode != 0:
        raise Failure(f"{command[0]}: status {done.returncode}\n{said.strip()}")
    return said


def number(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return int(found.group(1)) if found else 0
