# SPDX-License-Identifier: MIT
"""RADV, Mesa's Vulkan driver for AMD, with its null device: what users of AMD run."""
import functools
import glob

from vendor_common import Missing, Row, number, run

FAMILIES = ("navi21", "gfx1100", "vega10")
DRIVERS = "/usr/share/vulkan/icd.d/radeon_icd*.json"


def compile_for(family, tools, variant):
    text = run([f"{tools}/pipeline_stats", variant.path + ".spv", variant.bindings, variant.consts],
               VK_DRIVER_FILES=glob.glob(DRIVERS)[0], RADV_FORCE_FAMILY=family,
               MESA_SHADER_CACHE_DISABLE="1")
    return Row(number(r"VGPRs: (\d+)", text), number(r"LDS size: (\d+)", text),
               number(r"Subgroups per SIMD: (\d+)", text),
               number(r"Spilled SGPRs: (\d+)", text) + number(r"Spilled VGPRs: (\d+)", text))


def find(tools, _work):
    if not glob.glob(DRIVERS):
        raise Missing("Mesa's RADV driver")
    return [(f"RADV {family}", functools.partial(compile_for, family, tools))
            for family in FAMILIES]
