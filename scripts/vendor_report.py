#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles kernel variants for GPUs that need not be here: vendor_report.py TOOLS WORK

TOOLS holds `variants`, which asks the planner, and `pipeline_stats`. Each variant goes through
  RADV     Mesa's Vulkan driver for AMD with its null device: what users of AMD run
  amdgcn   clang and ROCm's device libraries: the OpenCL kernels, not AMD's own build of the compiler
  nvptx    clang and libclc, then NVIDIA's ptxas where it is installed
"Chosen" variants are those of the planner on such a GPU; a spill in one is a failure. The variants
for GPUs without local memory of their own (Mali, Adreno) are compiled too, for information.
"""

import collections
import concurrent.futures
import functools
import glob
import os
import re
import shutil
import subprocess
import sys

RADV = ("navi21", "gfx1100", "vega10")
AMDGCN = ("gfx900", "gfx1030", "gfx1100")
NVPTX = ("sm_70", "sm_86", "sm_90")
CLANG = ("clang-16", "-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-O3", "-w")
NVIDIA_LIBRARY = "/usr/lib/clc/nvptx64--nvidiacl.bc"
AMD_LIBRARIES = "/usr/lib/*/amdgcn/bitcode"
# ROCm 5.2's libraries do not know gfx1100; its neighbour's file tells the same.
AMD_ISA_FILES = {"gfx900": "900", "gfx1030": "1030", "gfx1100": "1030"}

Variant = collections.namedtuple("Variant", "path kernel bindings consts defines is_chosen")
Row = collections.namedtuple("Row", "registers local waves spills")


class Failure(Exception):
    """A compiler refused a kernel."""


def run(command, **env):
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode != 0:
        raise Failure(f"{command[0]}: status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout + done.stderr


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


# --- compilers: each takes a variant and a target, and gives a row


def radv(variant, family, tools):
    driver = glob.glob("/usr/share/vulkan/icd.d/radeon_icd*.json")[0]
    text = run([f"{tools}/pipeline_stats", variant.path + ".spv", variant.bindings, variant.consts],
               VK_DRIVER_FILES=driver, RADV_FORCE_FAMILY=family, MESA_SHADER_CACHE_DISABLE="1")
    return Row(number(r"VGPRs: (\d+)", text), number(r"LDS size: (\d+)", text),
               number(r"Subgroups per SIMD: (\d+)", text),
               number(r"Spilled SGPRs: (\d+)", text) + number(r"Spilled VGPRs: (\d+)", text))


def amdgcn(variant, cpu, _tools):
    folder = glob.glob(AMD_LIBRARIES)[0]
    names = ["opencl", "ocml", "ockl", "oclc_isa_version_" + AMD_ISA_FILES[cpu],
             "oclc_abi_version_400", "oclc_correctly_rounded_sqrt_off", "oclc_daz_opt_off",
             "oclc_finite_only_off", "oclc_unsafe_math_off",
             "oclc_wavefrontsize64_" + ("on" if cpu == "gfx900" else "off")]
    libraries = []
    for name in names:
        libraries += ["-Xclang", "-mlink-builtin-bitcode", "-Xclang", f"{folder}/{name}.bc"]
    text = run([*CLANG, "-target", "amdgcn-amd-amdhsa", "-mcpu=" + cpu, "-nogpulib", *libraries,
                "-Rpass-analysis=kernel-resource-usage", *variant.defines, "-c",
                "-o", os.devnull, variant.path + ".cl"])
    return Row(number(r" VGPRs: (\d+)", text), number(r"LDS Size[^:]*: (\d+)", text),
               number(r"Occupancy[^:]*: (\d+)", text),
               number(r"SGPRs Spill: (\d+)", text) + number(r"VGPRs Spill: (\d+)", text))


@functools.lru_cache
def ptxas_knows(target):
    empty = ".version 6.0\n.target sm_50\n.address_size 64\n"
    return shutil.which("ptxas") and subprocess.run(
        ["ptxas", "-arch=" + target, "-o", os.devnull, "-"], input=empty, text=True,
        capture_output=True, check=False).returncode == 0


def nvptx(variant, target, _tools):
    ptx = f"{variant.path}.{target}.ptx"
    run([*CLANG, "-target", "nvptx64-nvidia-nvcl", "-march=" + target,
         "-Xclang", "-mlink-builtin-bitcode", "-Xclang", NVIDIA_LIBRARY, *variant.defines, "-S",
         "-o", ptx, variant.path + ".cl"])
    if not ptxas_knows(target):
        return Row(None, None, None, None)
    text = run(["ptxas", "-arch=" + target, "-v", "-o", os.devnull, ptx])
    return Row(number(r"Used (\d+) registers", text), number(r"(\d+) bytes smem", text), None,
               number(r"(\d+) bytes spill stores", text))


def find_targets():
    """(name, compiler, target) of what this machine can compile for; says what it cannot."""
    has_clang = shutil.which("clang-16")
    wanted = (
        ("RADV", RADV, radv, glob.glob("/usr/share/vulkan/icd.d/radeon_icd*.json"),
         "Mesa's RADV driver"),
        ("amdgcn", AMDGCN, amdgcn, has_clang and glob.glob(AMD_LIBRARIES),
         "clang-16 and rocm-device-libs"),
        ("nvptx", NVPTX, nvptx, has_clang and os.path.exists(NVIDIA_LIBRARY),
         "clang-16 and libclc-15"),
    )
    targets = []
    for name, names, compiler, is_here, needs in wanted:
        if is_here:
            targets += [(f"{name} {target}", compiler, target) for target in names]
        else:
            print(f"skipped: {name}: needs {needs}")
    for target in NVPTX:
        if any(t == target for _, _, t in targets) and not ptxas_knows(target):
            print(f"nvptx {target}: no ptxas for it here: compiled to PTX and no further")
    return targets


# --- variants


def read_variants(tools, work, shape, seen):
    folder = os.path.join(work, shape)
    os.makedirs(folder, exist_ok=True)
    variants = []
    for line in run([f"{tools}/variants", folder, shape]).splitlines():
        stem, kernel, bindings, consts, *defines = line.split()
        if (kernel, *defines) not in seen:
            seen.add((kernel, *defines))
            variants.append(Variant(os.path.join(folder, stem), kernel, bindings, consts, defines,
                                    shape == "staged"))
    return variants


def describe(variant):
    return " ".join([variant.kernel] + [d.removeprefix("-D") for d in variant.defines])


# --- the report


def compile_one(job, tools):
    (name, compiler, target), variant = job
    try:
        return name, variant, compiler(variant, target, tools), None
    except (Failure, subprocess.TimeoutExpired) as error:
        return name, variant, None, str(error)


def print_row(name, variant, row):
    cells = ["-" if cell is None else str(cell) for cell in row]
    note = "" if variant.is_chosen else "  (not chosen here)"
    print(f"{name:15} {cells[0]:>4} {cells[1]:>6} {cells[2]:>5} {cells[3]:>6}  "
          f"{describe(variant)}{note}")


def main(tools, work):
    seen = set()
    variants = read_variants(tools, work, "staged", seen) + read_variants(tools, work, "direct", seen)
    targets = find_targets()
    if not targets:
        return 77
    print(f"{'target':15} {'regs':>4} {'local':>6} {'waves':>5} {'spills':>6}  variant")
    n_failed = n_spilled = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(target, variant) for target in targets for variant in variants]
        for name, variant, row, error in pool.map(lambda job: compile_one(job, tools), jobs):
            if error:
                n_failed += 1
                print(f"{name}: {describe(variant)}: {error}")
                continue
            print_row(name, variant, row)
            n_spilled += bool(row.spills and variant.is_chosen)
    print(f"{len(variants)} variants, {len(targets)} targets: {n_failed} not compiled, "
          f"{n_spilled} spill where the planner chooses them")
    return 1 if n_failed or n_spilled else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
