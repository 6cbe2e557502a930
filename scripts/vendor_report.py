#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles kernel variants for GPUs that need not be here: vendor_report.py TOOLS WORK

TOOLS holds `variants`, which asks the planner, and `pipeline_stats`. The planner chooses for two
shapes of GPU: those that stage through local memory, and those whose local memory is ordinary
memory (Mali, Adreno). A spill in a variant that it chooses for the shape of a target is a failure;
what it chooses for the other shape is compiled where that is cheap, for information. Nothing runs.
"""
import collections
import concurrent.futures
import os
import subprocess
import sys

import vendor_clang
import vendor_intel
import vendor_mesa
import vendor_radv
from vendor_common import Failure, Missing, Variant, run

SKIPPED = 77
F16_SUMS = 512  # of EXTRAS, as src/args/attention.h numbers them
# has_others: compile what the planner chooses for the other shape, too. NVIDIA's OpenCL has no f16
# arithmetic (cl_khr_fp16).
Family = collections.namedtuple("Family", "name find shape has_others has_f16_math")
Target = collections.namedtuple("Target", "name compile family")

FAMILIES = (
    Family("RADV", vendor_radv.find, "staged", True, True),
    Family("amdgcn", vendor_clang.find_amd, "staged", True, True),
    Family("nvptx", vendor_clang.find_nvidia, "staged", True, False),
    Family("ocloc", vendor_intel.find, "staged", False, True),
    Family("turnip", vendor_mesa.find_adreno, "direct", False, True),
    Family("panvk", vendor_mesa.find_mali, "direct", False, True),
)


def find_targets(tools, work):
    """What this machine can compile for; says what it cannot."""
    targets = []
    for family in FAMILIES:
        try:
            targets += [Target(name, compile_variant, family)
                        for name, compile_variant in family.find(tools, work)]
        except Missing as missing:
            print(f"skipped: {family.name}: needs {missing}")
    return targets


def read_variants(tools, work):
    """Every variant once, with the shapes that it is chosen for."""
    variants = {}
    for shape in ("staged", "direct"):
        folder = os.path.join(work, shape)
        os.makedirs(folder, exist_ok=True)
        for line in run([f"{tools}/variants", folder, shape]).splitlines():
            stem, kernel, bindings, consts, *defines = line.split()
            variant = Variant(os.path.join(folder, stem), kernel, bindings, consts, defines, set())
            variants.setdefault((kernel, *defines), variant).shapes.add(shape)
    return list(variants.values())


def describe(variant):
    return " ".join([variant.kernel] + [d.removeprefix("-D") for d in variant.defines])


def compile_one(job):
    target, variant = job
    try:
        return target, variant, target.compile(variant), None
    except (Failure, subprocess.TimeoutExpired) as error:
        return target, variant, None, str(error)


def print_row(target, variant, row):
    cells = ["-" if cell is None else str(cell) for cell in row[:4]]
    notes = [note for note in (row.note, "" if is_chosen(target, variant) else "not chosen here")
             if note]
    print(f"{target.name:15} {cells[0]:>4} {cells[1]:>6} {cells[2]:>5} {cells[3]:>6}  "
          f"{describe(variant)}{'  (' + ', '.join(notes) + ')' if notes else ''}")


def is_chosen(target, variant):
    return target.family.shape in variant.shapes


def needs_f16_math(variant):
    return any(int(define.removeprefix("-DEXTRAS=")) & F16_SUMS
               for define in variant.defines if define.startswith("-DEXTRAS="))


def takes(target, variant):
    family = target.family
    return ((family.has_others or is_chosen(target, variant)) and
            (family.has_f16_math or not needs_f16_math(variant)))


def worst(pick, cells):
    known = [cell for cell in cells if cell is not None]
    return pick(known) if known else "-"


def print_summary(rows):
    """The worst of each target's kernels, among the variants chosen for it."""
    groups = collections.defaultdict(list)
    for target, variant, row in rows:
        if is_chosen(target, variant):
            groups[target.name, variant.kernel].append(row)
    print(f"\nOf the chosen: most registers and local memory, fewest waves, how many spill\n"
          f"{'target':15} {'regs':>5} {'local':>6} {'waves':>6} {'spilling':>9}  kernel")
    for (name, kernel), group in groups.items():
        n_spilling = sum(bool(row.spills) for row in group)
        known = any(row.spills is not None for row in group)
        print(f"{name:15} {worst(max, [row.registers for row in group]):>5} "
              f"{worst(max, [row.local for row in group]):>6} "
              f"{worst(min, [row.waves for row in group]):>6} "
              f"{f'{n_spilling} of {len(group)}' if known else '-':>9}  {kernel}")


def main(tools, work):
    variants = read_variants(tools, work)
    targets = find_targets(tools, work)
    if not targets:
        return SKIPPED
    jobs = [(target, variant) for target in targets for variant in variants
            if takes(target, variant)]
    print(f"{'target':15} {'regs':>4} {'local':>6} {'waves':>5} {'spills':>6}  variant")
    n_failed, rows = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for target, variant, row, error in pool.map(compile_one, jobs):
            if error:
                n_failed += 1
                print(f"{target.name}: {describe(variant)}: {error}")
                continue
            print_row(target, variant, row)
            rows.append((target, variant, row))
    print_summary(rows)
    n_spilled = sum(bool(row.spills) and is_chosen(target, variant)
                    for target, variant, row in rows)
    print(f"{len(variants)} variants, {len(targets)} targets: {n_failed} not compiled, "
          f"{n_spilled} spill where the planner chooses them")
    return 1 if n_failed or n_spilled else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
