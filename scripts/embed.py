#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the texts of kernels as a C table: embed.py ROOT OUTPUT FILE..."""
import os
import sys


def c_bytes(data):
    """C array elements of a text, ended by 0."""
    lines = []
    data += b"\0"
    for i in range(0, len(data), 20):
        lines.append("    " + " ".join(f"{byte}," for byte in data[i:i + 20]))
    return "\n".join(lines)


def main():
    root, output, *files = sys.argv[1:]
    names = [os.path.relpath(f, root) for f in files]
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "kernel_texts.h"\n\n')
        for i, name in enumerate(files):
            with open(name, "rb") as text:
                out.write(f"static const char text_{i}[] = {{\n{c_bytes(text.read())}\n}};\n\n")
        out.write("const struct gyre_kernel_text gyre_kernel_texts[] = {\n")
        for i, name in enumerate(names):
            out.write(f'    {{"{name}", text_{i}}},\n')
        out.write("    {0, 0},\n};\n")


main()
