# SPDX-License-Identifier: MIT
"""Clang for AMD, with ROCm's device libraries (not AMD's own build of the compiler), and for
NVIDIA, with libclc and then ptxas where it is installed."""
import functools
import glob
import os
import shutil
import subprocess

from vendor_common import Missing, Row, number, run

AMD_CPUS = ("gfx900", "gfx1030", "gfx1100")
AMD_LIBRARIES = "/usr/lib/*/amdgcn/bitcode"
# ROCm 5.2's libraries do not know gfx1100; its neighbour's file tells the same.
AMD_ISA_FILES = {"gfx900": "900", "gfx1030": "1030", "gfx1100": "1030"}
NVIDIA_ARCHITECTURES = ("sm_70", "sm_86", "sm_90")
NVIDIA_LIBRARY = "/usr/lib/clc/nvptx64--nvidiacl.bc"
CLANG = ("clang-16", "-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-O3",
         "-w")


def compile_for_amd(cpu, variant):
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
    # Scalars that do not fit go into lanes of vector registers, and cost no memory while scratch is
    # empty.
    n_scalars = number(r"SGPRs Spill: (\d+)", text)
    return Row(number(r" VGPRs: (\d+)", text), number(r"LDS Size[^:]*: (\d+)", text),
               number(r"Occupancy[^:]*: (\d+)", text),
               number(r"VGPRs Spill: (\d+)", text) + number(r"ScratchSize[^:]*: (\d+)", text),
               f"{n_scalars} scalars in vector lanes" if n_scalars else "")


def find_amd(_tools, _work):
    if not shutil.which("clang-16") or not glob.glob(AMD_LIBRARIES):
        raise Missing("clang-16 and rocm-device-libs")
    return [(f"amdgcn {cpu}", functools.partial(compile_for_amd, cpu)) for cpu in AMD_CPUS]


@functools.lru_cache
def ptxas_knows(architecture):
    empty = ".version 6.0\n.target sm_50\n.address_size 64\n"
    return shutil.which("ptxas") and subprocess.run(
        ["ptxas", "-arch=" + architecture, "-o", os.devnull, "-"], input=empty, text=True,
        capture_output=True, check=False).returncode == 0


def compile_for_nvidia(architecture, variant):
    ptx = f"{variant.path}.{architecture}.ptx"
    run([*CLANG, "-target", "nvptx64-nvidia-nvcl", "-march=" + architecture,
         "-Xclang", "-mlink-builtin-bitcode", "-Xclang", NVIDIA_LIBRARY, *variant.defines, "-S",
         "-o", ptx, variant.path + ".cl"])
    if not ptxas_knows(architecture):
        return Row(None, None, None, None)
    text = run(["ptxas", "-arch=" + architecture, "-v", "-o", os.devnull, ptx])
    return Row(number(r"Used (\d+) registers", text), number(r"(\d+) bytes smem", text), None,
               number(r"(\d+) bytes spill stores", text))


def find_nvidia(_tools, _work):
    if not shutil.which("clang-16") or not os.path.exists(NVIDIA_LIBRARY):
        raise Missing("clang-16 and libclc-15")
    for architecture in NVIDIA_ARCHITECTURES:
        if not ptxas_knows(architecture):
            print(f"nvptx {architecture}: no ptxas for it here: compiled to PTX and no further")
    return [(f"nvptx {architecture}", functools.partial(compile_for_nvidia, architecture))
            for architecture in NVIDIA_ARCHITECTURES]
