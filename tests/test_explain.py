#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gyre explain describes every term that the library takes: test_explain.py GYRE EXAMPLE_DATA."""
import json
import re

from cli import FAILED_FILE, USAGE, Case, main

# What an option of attention does to the text.
TERMS = {
    "--causal": "with: causal",
    "--causal --prefix 4": "with: a prefix that causal does not hide",
    "--window-left 9": "with: a window",
    "--window-right 9": "with: a window",
    "--window-left 9 --window-keep 4": "with: first keys that no window hides",
    "--mask f32": "with: an additive mask",
    "--mask f16 --mask-axes bhq": "with: an additive mask",
    "--mask bf16 --mask-axes h": "MASK_DTYPE=2",
    "--mask bool": "with: a mask of bytes",
    "--mask bits": "with: a mask of bits",
    "--key-positions": "with: keys at positions of their own",
    "--kv-lens": "with: sequences of their own lengths",
    "--q-starts": "with: sequences of their own starts",
    "--cu-q-lens 90": "with: packed sequences",
    "--cu-kv-lens 600": "with: packed sequences",
    "--cu-q-lens 90 --cu-kv-lens 600 --mask f32 --key-sums --lse --key-positions":
        "with: packed sequences",
    "--softcap 30": "with: soft-cap",
    "--alibi": "with: ALiBi",
    "--sinks": "with: sinks",
    "--relative-keys 8": "with: relative keys",
    "--head-dim2 64 --kv-heads2 2": "with: queries and keys in two parts",
    "--fused-rope q": "with: queries rotated while they are loaded",
    "--fused-rope k": "with: keys rotated while they are loaded",
    "--fused-rope both --rope-axes 3 --interleaved": "with: keys rotated while they are loaded",
    "--fused-rope both --head-dim2 64 --rope-axes 1": "with: queries and keys in two parts",
    "--lse": "wanted: output, log-sum-exp",
    "--scores": "wanted: output, probabilities",
    "--scores --scores-stage raw --no-out": "wanted: raw scores",
    "--key-sums --sum-queries 8": "wanted: output, key sums",
    "--key-sums --add-key-sums": "wanted: output, key sums, added",
    "--deterministic": "deterministic",
    "--dtype f16 --kv-dtype bf16 --v-dtype f32": "storage: q f16, k bf16, v f32",
    "--out-dtype f16": "OUT_DTYPE=1",
    "--v-dim 64": "by 64 columns of v",
    "--layout bhsd --scale 0.5 --q-start 3 --align start": "taken",
}

# What is refused, and the words that say so.
REFUSED = {
    "--softcap -1": "softcap -1",
    "--scale 1e300": "scale inf",
    "--window-left 2000000000": "window_left 2000000000",
    "--q-start 2000000000": "positions from",
    "--heads 32/5": "5 heads of k do not divide 32",
    "--head-dim2 64 --kv-heads2 3": "3 heads of k2 do not divide",
    "--fused-rope q --head-dim 5": "rotary_dim",
    "--fused-rope q --relative-keys 3": "relative_keys with rope",
    "--cu-q-lens 90 --scores": "scores of packed sequences",
    "--no-out": "all absent",
    "--rope-axes 5 --fused-rope q": "--rope-axes 5",
    "--rope-axes 2": "--fused-rope",
    "--mask-axes bx": "--mask-axes bx",
    "--mask odd": "f32|f16|bf16|bool|bits",
    "--fused-rope v": "q|k|both",
    "--align left": "start|end",
    "--layout sbhd": "bshd|bhsd",
    "--scores-stage last": "raw|capped|masked|probs",
    "--heads 32/": "32 or 32/8",
    "--heads 8/-1": "32 or 32/8",
    "--heads many": "32 or 32/8",
    "--prefix -1": "not negative",
    "--scale nan": "a number",
    "--parts 2": "--parts",
}


class Explain(Case):
    def explain(self, *args, **wanted):
        return self.gyre("explain", *args, **wanted)

    def test_help(self):
        self.assertIn("rope|attention|merge|linear", self.explain("--help"))
        text = self.explain("attention", "--help")
        self.assertIn("gyre explain attention", text)
        for options in TERMS:
            for option in re.findall("--[a-z0-9-]+", options):
                self.assertRegex(text, f" {option}[ \n]")

    def test_usage(self):
        self.explain(code=USAGE, says="usage: gyre explain rope|attention|merge|linear")
        self.explain("sum", code=USAGE, says="'sum'")
        self.explain("rope", "attention", code=USAGE, says="'attention'")
        self.explain("rope", "--causal", code=USAGE, says="see gyre explain rope --help")

    def test_terms_of_attention(self):
        for options, says in TERMS.items():
            with self.subTest(options):
                args = ["attention", "-b", "3", "-q", "40", "-k", "300", *options.split()]
                self.assertIn(says, self.explain(*args))
                item, = json.loads(self.explain(*args, "--json"))
                self.assertIn(says, item["text"])

    def test_a_term_is_told_only_where_it_is(self):
        text = self.explain("attention")
        self.assertNotIn("with:", text)
        self.assertIn("wanted: output\n", text)

    def test_bad_terms_of_attention(self):
        for options, says in REFUSED.items():
            with self.subTest(options):
                self.explain("attention", *options.split(), code=USAGE, says=says)

    def test_what_is_unsupported_is_told(self):
        words = "bf16 dot products"  # of f32: no device
        text = self.explain("attention", "--precision", "bf16-dots", code=FAILED_FILE, says=words)
        self.assertRegex(text, f"refused: .*{words}")

    def test_merge(self):
        text = self.explain("merge", "--dtype", "f32", "--out-dtype", "f16", "--sinks", "--lse")
        self.assertIn("attention merge on cpu", text)
        self.assertIn("storage: parts f32, output f16", text)
        self.assertIn("with: sinks", text)
        self.assertIn("1 dispatch\n", text)
        self.assertIn("scratch: none", text)
        text = self.explain("merge", "--parts", "7", "-q", "3", "--heads", "5", "--v-dim", "10",
                            "-b", "2")
        self.assertIn("4 dispatches", text)
        self.assertIn(f"scratch: 1.4 KiB ({2 * 3 * 5 * (10 + 2) * 4} bytes)", text)
        self.assertIn("only log-sum-exps", self.explain("merge", "--no-out", "--lse"))
        self.assertIn("nothing to do", self.explain("merge", "-q", "0"))

    def test_bad_merge(self):
        self.explain("merge", "--parts", "0", code=USAGE, says="no parts")
        self.explain("merge", "--parts", "4097", code=USAGE, says="at most 4096")
        self.explain("merge", "--no-out", code=USAGE, says="both absent")
        self.explain("merge", "--out-dtype", "u8", code=USAGE, says="f32|f16|bf16")

    def test_linear(self):
        text = self.explain("linear", "-q", "1000", "-k", "1000", "--heads", "1", "--causal",
                            "-t", "2")
        self.assertIn("causal; segments of keys: 4, of up to 256", text)
        self.assertIn("linear_attention", text)
        self.assertIn("linear_state", text)
        self.assertRegex(text, r"scratch: .* \([0-9]+ bytes\)")
        text = self.explain("linear", "-q", "1", "-k", "1", "--past", "--state", "--no-rope")
        self.assertIn("ROPE=0", text)
        self.assertIn("scratch: none", text)
        text = self.explain("linear", "--no-out", "--state", "--interleaved")
        self.assertNotIn("linear_attention", text)
        self.explain("linear", "--no-out", code=USAGE, says="linear attention")

    def test_rope(self):
        self.assertIn("PAIRING=1", self.explain("rope", "--interleaved", "--heads", "4"))
        self.explain("rope", "--head-dim", "7", code=USAGE, says="rotary_dim")


if __name__ == "__main__":
    main()
