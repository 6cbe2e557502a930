#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails unless every argument struct lies in memory as the shaders see it:
check_layout.py ROOT SCRATCH GLSLANG_VALIDATOR SPIRV_DIS CC...

Each src/args/NAME.h is compiled as GLSL; the offsets in the SPIR-V are then asserted in C.
"""
import os
import re
import subprocess
import sys

SHADER = """#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/{name}.h"
ARGS(gyre_{name}_args);
layout(set = 0, binding = 0) buffer Out {{ uint word; }};
void main() {{ word = uint(a.{member}); }}
"""


def struct_names(root):
    """Names of args/NAME.h that hold a struct gyre_NAME_args, with its first member."""
    folder = os.path.join(root, "src/args")
    for file in sorted(os.listdir(folder)):
        name = file[:-2]
        with open(os.path.join(folder, file), encoding="utf-8") as text:
            match = re.search(rf"struct gyre_{name}_args {{\s*(?://.*\s*)*(?:\w+ (\w+)|ROWS\((\w+))",
                              text.read())
        if match:
            yield name, match.group(1) or match.group(2) + "_offset"


def members(text, struct, prefix="", base=0):
    """(member, offset) of a struct in disassembled SPIR-V, and of the structs in it: "x.y"."""
    types = re.search(rf"{struct} = OpTypeStruct (.*)", text).group(1).split()
    names = re.findall(rf'OpMemberName {struct} \d+ "(\w+)"', text)
    offsets = re.findall(rf"OpMemberDecorate {struct} \d+ Offset (\d+)", text)
    for member, kind, offset in zip(names, types, offsets, strict=True):
        yield prefix + member, base + int(offset)
        if re.search(rf"{kind} = OpTypeStruct ", text):
            yield from members(text, kind, f"{prefix}{member}.", base + int(offset))


def spirv_offsets(root, scratch, tools, name, member, defines):
    """{member: offset} as glslang puts them into SPIR-V."""
    shader = os.path.join(scratch, f"layout_{name}.comp")
    with open(shader, "w", encoding="utf-8") as out:
        out.write(SHADER.format(name=name, member=member))
    subprocess.run([tools[0], "-V", "--quiet", *defines, f"-I{root}/src",
                    f"-I{root}/shaders", shader, "-o", shader + ".spv"], check=True)
    text = subprocess.run([tools[1], "--raw-id", shader + ".spv"], check=True,
                          capture_output=True, text=True).stdout
    return dict(members(text, re.search(rf'OpName (%\d+) "gyre_{name}_args"', text).group(1)))


def assert_in_c(root, scratch, compiler, name, offsets):
    """Compiles C that holds the struct to the offsets."""
    source = os.path.join(scratch, f"layout_{name}.c")
    with open(source, "w", encoding="utf-8") as out:
        out.write(f'#include <stddef.h>\n#include "args/{name}.h"\n')
        for member, offset in offsets.items():
            out.write(f"_Static_assert(offsetof(struct gyre_{name}_args, {member}) == {offset}, "
                      f'"{name}.{member}");\n')
    subprocess.run([*compiler, "-std=c11", f"-I{root}/src", "-fsyntax-only", source], check=True)


def main():
    root, scratch, glslang, spirv_dis, *compiler = sys.argv[1:]
    n_structs = 0
    for name, member in struct_names(root):
        for defines in ([], ["-DARGS_BINDING=1"]):  # as push constants and as a buffer
            offsets = spirv_offsets(root, scratch, (glslang, spirv_dis), name, member, defines)
            assert_in_c(root, scratch, compiler, name, offsets)
        print(f"{name}: {len(offsets)} members")
        n_structs += 1
    sys.exit(n_structs == 0)


main()
