# SPDX-License-Identifier: MIT
"""Mesa's Vulkan drivers for Adreno (turnip) and Mali (panvk), on shims that stand for their kernel
drivers: open compilers for that hardware, which say nothing of Arm's and Qualcomm's own. They are
there once scripts/mesa-compilers.sh has built them."""
import functools
import os

from vendor_common import Failure, Missing, Row, number, run

NEEDED = "Mesa's drivers, which scripts/mesa-compilers.sh builds in build/mesa"
LIMIT_S = 60  # Mali's compiler may never end


def ask(driver, tools, root, variant, **env):
    shim = f"{root}/build/src/{driver}/drm-shim/lib{driver}_noop_drm_shim.so"
    return run([f"{tools}/pipeline_stats", variant.path + ".spv", variant.bindings, variant.consts],
               limit_s=LIMIT_S, LD_PRELOAD=shim, VK_DRIVER_FILES=f"{root}/{driver}.json",
               MESA_SHADER_CACHE_DISABLE="1", **env)


def compile_for_adreno(gpu, tools, root, variant):
    text = ask("freedreno", tools, root, variant, FD_GPU_ID=gpu)
    # Stores to and loads from private memory: what does not fit into registers.
    return Row(number(r"Registers used: (\d+)", text), None,
               number(r"Max Waves Per Core: (\d+)", text),
               number(r"STP Count: (\d+)", text) + number(r"LDP Count: (\d+)", text))


def compile_for_mali(gpu, tools, root, variant):
    text = ask("panfrost", tools, root, variant, PAN_GPU_ID=gpu, BIFROST_MESA_DEBUG="shaderdb",
               PAN_I_WANT_A_BROKEN_VULKAN_DRIVER="1")
    if "spills:fills" not in text:
        raise Failure(f"panvk said nothing of its shader: {text.strip()}")
    return Row(None, None, number(r"(\d+) threads", text),
               number(r"(\d+):\d+ spills:fills", text) + number(r"\d+:(\d+) spills:fills", text))


def find(driver, compile_one, names, tools, work):
    root = os.path.join(os.path.dirname(os.path.abspath(work)), "mesa")
    if not os.path.exists(f"{root}/{driver}.json"):
        raise Missing(NEEDED)
    return [(name, functools.partial(compile_one, gpu, tools, root)) for gpu, name in names]


find_adreno = functools.partial(find, "freedreno", compile_for_adreno, [("660", "Adreno 660")])
find_mali = functools.partial(find, "panfrost", compile_for_mali, [("9093", "Mali G57")])
