#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles the shaders for builds without glslang: embed_spirv.py ROOT GLSLANG_VALIDATOR OUTPUT

Writes a C table of SPIR-V, a module per kernel and combination of its defines. Storage is one
float dtype throughout, or f32 beside keys and values of 16 bits. Of masks, ALiBi, packed sequences,
keys at positions of their own and keys in splits a problem has one. f16 throughout may be summed in
f16, too."""
import itertools
import os
import subprocess
import sys
import tempfile

# Numbers of src/args/types.h and src/args/attention.h.
F32, F16, BF16, U8, BITS, NONE = 0, 1, 2, 5, 6, 9
ALIBI, POSITIONS, PACKED, PARTIAL, F16_SUMS = 1, 2, 8, 128, 512
RAW, CAPPED, MASKED, PROBS, SUMS = 0, 1, 2, 3, 4

FLOATS = (F32, F16, BF16)
Q_KV = [(F32, F32), (F16, F16), (BF16, BF16), (F32, F16), (F32, BF16)]
# MASK_DTYPE and EXTRAS.
UNMASKED = [(NONE, 0), (NONE, ALIBI), (NONE, POSITIONS)]
RULES = UNMASKED + [(F32, 0), (F16, 0), (BF16, 0), (U8, 0), (BITS, 0)]
PACKED_RULES = [(NONE, PACKED)]


def rope_variants():
    for x, pairing, add in itertools.product(FLOATS, (0, 1), (0, 1)):
        for cache in (NONE, x, F32) if x != F32 else (NONE, F32, F16):
            yield "rope", (("X_DTYPE", x), ("PAIRING", pairing), ("CACHE_DTYPE", cache),
                           ("ADD", add), ("ARGS_BINDING", 7))


def fused_variants():
    for q, kv in Q_KV:
        inputs = (("Q_DTYPE", q), ("K_DTYPE", kv), ("V_DTYPE", kv))
        for mask, extras in RULES + PACKED_RULES:
            yield "attention_split", inputs + (("MASK_DTYPE", mask), ("EXTRAS", extras),
                                               ("ARGS_BINDING", 17))
        for (mask, extras), staged, precision in itertools.product(
                RULES + PACKED_RULES + [(NONE, PARTIAL)], (0, 1),
                (0, F16_SUMS) if q == kv == F16 else (0,)):
            out = F32 if extras & PARTIAL else q
            yield "attention", inputs + (("OUT_DTYPE", out), ("MASK_DTYPE", mask),
                                         ("STAGED", staged), ("EXTRAS", extras | precision),
                                         ("ARGS_BINDING", 19))
    for out in FLOATS:
        yield "attention_combine", (("OUT_DTYPE", out),)
    for part, out in itertools.product(FLOATS, repeat=2):
        yield "attention_merge", (("PART_DTYPE", part), ("OUT_DTYPE", out))


def scores_variants():
    for q, kv in Q_KV:
        plain = [(scores, stage, NONE, 0)
                 for scores, stage in sorted({(F32, RAW), (q, RAW), (q, CAPPED)})]
        masked = [(q, MASKED, mask, extras) for mask, extras in RULES]
        sums = [(F32, SUMS, mask, extras) for mask, extras in UNMASKED + PACKED_RULES]
        for scores, stage, mask, extras in plain + masked + sums:
            yield "scores", (("Q_DTYPE", q), ("K_DTYPE", kv), ("MASK_DTYPE", mask),
                             ("SCORES_DTYPE", scores), ("STAGE", stage), ("EXTRAS", extras),
                             ("ARGS_BINDING", 18))
    for scores in FLOATS:
        rules = [(CAPPED, NONE, 0)]
        rules += [(stage, mask, extras) for stage in (MASKED, PROBS) for mask, extras in RULES]
        for stage, mask, extras in rules:
            yield "softmax", (("MASK_DTYPE", mask), ("SCORES_DTYPE", scores), ("STAGE", stage),
                              ("EXTRAS", extras), ("ARGS_BINDING", 9))


def linear_variants():
    for kv, rope in itertools.product(FLOATS, (0, 1, 2)):
        yield "linear_state", (("K_DTYPE", kv), ("V_DTYPE", kv), ("ROPE", rope),
                               ("ARGS_BINDING", 7))
    yield "linear_prefix", (("ARGS_BINDING", 6),)
    for (q, kv), rope in itertools.product(Q_KV, (0, 1, 2)):
        yield "linear_attention", (("Q_DTYPE", q), ("K_DTYPE", kv), ("V_DTYPE", kv),
                                   ("OUT_DTYPE", q), ("ROPE", rope), ("ARGS_BINDING", 7))


def variants():
    """Yields (kernel, ((define, value), ...)), in the order of src/kernels.c."""
    yield from rope_variants()
    yield from fused_variants()
    yield from scores_variants()
    yield from linear_variants()


def compile_shader(root, compiler, kernel, defines):
    """The words of a module, as C text."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "words")
        subprocess.run(
            [compiler, "--target-env", "vulkan1.1", "-g0", "-x", "-I" + os.path.join(root, "src"),
             *(f"-D{name}={value}" for name, value in defines),
             "-o", output, os.path.join(root, "shaders", kernel + ".comp")],
            check=True, stdout=sys.stderr)
        with open(output, encoding="ascii") as words:
            return words.read()


def main():
    root, compiler, output = sys.argv[1:]
    rows = []
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "vulkan/shader_embedded.h"\n\n')
        for i, (kernel, defines) in enumerate(variants()):
            preamble = "".join(f"#define {name} {value}\n" for name, value in defines)
            words = compile_shader(root, compiler, kernel, defines)
            out.write(f"static const uint32_t words_{i}[] = {{\n{words}}};\n\n")
            text = preamble.replace("\n", "\\n")
            rows.append(f'    {{"{kernel}", "{text}", words_{i}, sizeof(words_{i})}},\n')
        out.write("const struct vk_embedded gyre_vk_embedded[] = {\n")
        out.writelines(rows)
        out.write("    {0, 0, 0, 0},\n};\n")


main()
