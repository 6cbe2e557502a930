# SPDX-License-Identifier: MIT
"""Intel's OpenCL compiler, ocloc. It is fetched and unpacked, never installed: its package brings a
driver that every OpenCL program of the machine would load."""
import functools
import glob
import os
import re
import shutil
import subprocess
import tempfile

from vendor_common import Failure, Missing, Row, number, run

DEVICES = ("dg2", "tgllp")
PACKAGES = ("intel-opencl-icd", "libigc1", "libigdfcl1", "libigdgmm12", "libopencl-clang14",
            "libllvmspirvlib14")


def fetch(folder):
    """Unpacks Debian's packages under `folder`, once; the root they lie in."""
    root, debs = os.path.join(folder, "root"), os.path.join(folder, "debs")
    if os.path.exists(root):
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing("apt-get and dpkg, to fetch Debian's packages")
    os.makedirs(debs, exist_ok=True)
    got = subprocess.run(["apt-get", "-q", "download", *PACKAGES], cwd=debs, capture_output=True,
                         text=True, check=False)
    if got.returncode != 0:
        error = next((line for line in got.stderr.splitlines() if line.startswith("E:")), "")
        raise Missing(f"{PACKAGES[0]}, which apt-get does not fetch: {error}")
    unpacked = tempfile.mkdtemp(dir=folder)
    for deb in glob.glob(os.path.join(debs, "*.deb")):
        subprocess.run(["dpkg", "-x", deb, unpacked], check=True)
    os.rename(unpacked, root)  # whole, or not there
    return root


def shipped_assembly(folder):
    """The dumped assembly that the binary holds: the compiler tries several SIMD widths."""
    with open(glob.glob(f"{folder}/out/*.bin")[0], "rb") as file:
        binary = file.read()
    for path in glob.glob(f"{folder}/dump/*.asm"):
        with open(path.removesuffix("asm") + "dat", "rb") as file:
            code = file.read()
        if code and code in binary:
            return path
    raise Failure("ocloc: none of the dumped assemblies is in the binary")


def compile_for(device, root, variant):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(variant.path)) as folder:
        run([f"{root}/usr/bin/ocloc", "compile", "-file", variant.path + ".cl", "-device", device,
             "-out_dir", f"{folder}/out", "-options",
             " ".join(["-cl-std=CL1.2", *variant.defines])],
            LD_LIBRARY_PATH=":".join(glob.glob(f"{root}/usr/lib/*-linux-gnu")),
            IGC_ShaderDumpEnable="1", IGC_DumpToCustomDir=f"{folder}/dump")
        path = shipped_assembly(folder)
        with open(path, encoding="utf-8", errors="replace") as file:
            head = file.read(8192)
    # The message "spilled around" speaks of attempts that were given up, too.
    width = re.search(r"simd(\d+)", os.path.basename(path)).group(1)
    return Row(number(r"numGRF=(\d+)", head), None, None, number(r"^//\.spill size\s+(\d+)", head),
               f"SIMD{width}")


def find(_tools, work):
    root = fetch(os.path.join(work, "intel"))
    return [(f"ocloc {device}", functools.partial(compile_for, device, root))
            for device in DEVICES]
