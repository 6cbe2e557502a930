#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails on an #include that points the wrong way: check_includes.py ROOT"""
import os
import re
import sys

# The first pattern that fits a file is its room, and says which rooms it may include from, besides
# the system's headers.
ROOMS = [
    ("api", r"include/gyre/", "api"),
    ("args", r"src/args/", "args"),
    ("cpu kernels", r"src/cpu/kernels/", "args"),
    ("cl", r"cl/", "args"),
    ("shaders", r"shaders/", "args"),
    ("ops", r"src/ops/", "api core args"),
    ("cpu", r"src/cpu/", "api core cpu_kernel_table"),
    ("opencl", r"src/opencl/", "api core cache"),
    ("vulkan", r"src/vulkan/", "api core cache"),
    ("cli", r"src/cli/", "api cache cases harness oracle"),
    ("kernel list", r"src/kernels\.c$", "api core args"),
    ("cache", r"src/cache\.h$", "api"),
    ("core", r"src/[^/]*$", "api cache"),
    ("oracle", r"tests/oracle/", ""),
    ("harness", r"tests/harness/", "api"),
    ("cases", r"tests/cases/", "api harness oracle"),
    ("vendor report", r"tests/tools/", "api core vulkan"),
    ("tests of internals",
     r"tests/test_(attention_precision|cache|few_bindings|local_memory|rank)\.c$",
     "api core cache harness cases tests vulkan"),
    ("tests of the command", r"tests/test_heatmap\.c$", "cli"),
    ("tests of the bench", r"tests/test_peer\.c$", "api bench cases harness tests"),
    ("tests", r"tests/", "api harness oracle cases"),
    ("bench", r"bench/", "api harness oracle cases"),
    ("examples", r"examples/", "api"),
]
# The one header of the CPU's kernels that its device knows.
SHARED = {"src/cpu/kernels/common.h": "cpu_kernel_table"}

SOURCES = (".c", ".h", ".cl", ".clh", ".comp", ".glsl")
ROOTS = ["include", "src", "tests", "src/cpu/kernels", "cl", "shaders"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    """Name of the room a file is in, and of those that it may include from; None outside all."""
    for name, pattern, others in ROOMS:
        if re.match(pattern, path):
            words = others.split()
            return name, {name, *words}
    return None, set()


def resolve(root, path, name):
    """The project's file that an include names; None for a system header."""
    folders = [os.path.dirname(path)] + ROOTS
    for folder in folders:
        found = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(os.path.join(root, found)):
            return found
    return None


def check_file(root, path):
    """Prints every include of a file that points the wrong way; returns how many."""
    room, allowed = room_of(path)
    n_wrong = 0
    if room is None:
        return 0
    with open(os.path.join(root, path), encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            found = match and resolve(root, path, match.group(2))
            if not found:
                continue
            other = SHARED.get(found) if SHARED.get(found) in allowed else room_of(found)[0]
            if other not in allowed:
                print(f"{path}:{number}: {room} must not include {found} ({other})")
                n_wrong += 1
    return n_wrong


def main():
    root = sys.argv[1]
    n_files = n_wrong = 0
    for top in ("include", "src", "cl", "shaders", "tests", "bench", "examples"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(SOURCES):
                    n_files += 1
                    n_wrong += check_file(root, os.path.relpath(os.path.join(folder, name), root))
    print(f"{n_files} files, {n_wrong} includes point the wrong way")
    sys.exit(n_wrong > 0 or n_files == 0)


main()
