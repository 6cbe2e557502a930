#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What gyre attend says and draws of single heads: test_attention_map.py GYRE EXAMPLE_DATA."""
import json
import math

from cli import FAILED_FILE, USAGE, Case, data, floats, main, npy

def entropies_of_layer():
    """Of the example's heads, causal, in double precision: (mean, min, max)."""
    tokens, heads, dim = 64, 8, 8
    q, k = floats(data("q_rope.npy")), floats(data("k_rope.npy"))
    for head in range(heads):
        of_rows = []
        for i in range(tokens):
            row = q[(i * heads + head) * dim:][:dim]
            scores = [sum(a * b for a, b in zip(row, k[(j * 4 + head // 2) * dim:][:dim]))
                      / math.sqrt(dim) for j in range(i + 1)]
            weights = [math.exp(s - max(scores)) for s in scores]
            probs = [w / sum(weights) for w in weights]
            of_rows.append(-sum(p * math.log(p) for p in probs if p > 0))
        yield sum(of_rows) / tokens, min(of_rows), max(of_rows)


class AttentionMap(Case):
    def inputs(self, shape, q, k=None, k_shape=None):
        """Arguments of files of q, k and v, where v is k, and k is q if not given."""
        k, k_shape = (q, shape) if k is None else (k, k_shape or shape)
        q_path, k_path = self.write("q.npy", npy(shape, q)), self.write("k.npy", npy(k_shape, k))
        return "attend", "--q", q_path, "--k", k_path, "--v", k_path

    def zeros(self, q_len, kv_len, heads=1):
        """Inputs whose every query sees all allowed keys evenly."""
        return self.inputs((q_len, heads, 2), [0] * (q_len * heads * 2),
                           [0] * (kv_len * heads * 2), (kv_len, heads, 2))

    def entropy(self, *args):
        return json.loads(self.gyre(*args, "--json"))["entropy"]["heads"]

    def draw(self, *args):
        """Width and height of the picture."""
        path = self.path("map.png")
        self.gyre(*args, "--map", path)
        with open(path, "rb") as file:
            head = file.read(24)
        self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
        return tuple(int.from_bytes(head[i:i + 4], "big") for i in (16, 20))

    def test_entropies_of_a_layer(self):
        heads = self.entropy("attend", "--q", data("q_rope.npy"), "--k", data("k_rope.npy"), "--v",
                             data("v.npy"), "--causal")
        self.assertEqual([head["head"] for head in heads], list(range(8)))
        for head, want in zip(heads, entropies_of_layer()):
            for name, value in zip(("mean", "min", "max"), want):
                self.assertAlmostEqual(head[name], value, delta=1e-5)

    def test_entropies_of_even_rows(self):
        # So many that they are computed in several blocks.
        head, = self.entropy(*self.zeros(2100, 2200), "--causal", "--align", "end")
        logs = [math.log(i + 101) for i in range(2100)]
        self.assertEqual(head["n_queries"], 2100)
        for name, want in ("mean", sum(logs) / 2100), ("min", logs[0]), ("max", logs[-1]):
            self.assertAlmostEqual(head[name], want, delta=1e-5)

    def test_queries_that_see_nothing(self):
        head, = self.entropy(*self.zeros(4, 4), "--causal", "--q-start", "-2")
        self.assertEqual((head["n_queries"], head["min"]), (2, 0))
        self.assertAlmostEqual(head["mean"], math.log(2) / 2, delta=1e-6)
        head, = self.entropy(*self.zeros(1, 4), "--causal", "--q-start", "-1")
        self.assertEqual((head["n_queries"], head["mean"], head["min"], head["max"]),
                         (0, None, None, None))

    def test_entropy_of_no_number(self):
        head, = self.entropy(*self.inputs((2, 1, 2), [1, 1, math.nan, 1]))
        self.assertIsNone(head["mean"])

    def test_problem(self):
        said = json.loads(self.gyre(*self.zeros(3, 5, 2), "--causal", "--window-left", "2",
                                    "--json"))
        self.assertEqual((said["q_shape"], said["k_shape"]), ([1, 3, 2, 2], [1, 5, 2, 2]))
        self.assertEqual((said["q_dtype"], said["is_causal"], said["window_left"], said["align"]),
                         ("f32", True, 2, "start"))
        self.assertAlmostEqual(said["scale"], math.sqrt(0.5))
        self.assertEqual(said["entropy"]["unit"], "nats")

    def test_which_heads(self):
        inputs = self.zeros(2, 2, 40)
        path = self.path("few.png")

        def drawn(*args):
            heads = self.entropy(*inputs, "--map", path, *args)
            return [h["head"] for h in heads if h["is_drawn"]], len(heads)
        self.assertEqual(drawn(), (list(range(0, 40, 5)), 40))
        self.assertEqual(drawn("--heads", "39,3,5-7,6"), ([3, 5, 6, 7, 39], 5))
        self.assertEqual(drawn("--heads", "all"), (list(range(40)), 40))
        for bad in "", "a", "3-1", "1,", ",1", "1-", "-1", "0x1", "1 2", "9" * 30:
            self.gyre(*inputs, "--json", "--heads", bad, code=USAGE, says="0,3,5-7")
        self.gyre(*inputs, "--json", "--heads", "0-40", code=USAGE, says="no head 40")
        self.gyre(*inputs, "--json", "--batch", "1", code=USAGE, says="no batch element 1")

    def test_nothing_to_draw(self):
        self.gyre(*self.zeros(0, 4), "--map", self.path("m.png"), code=USAGE, says="0 queries")
        self.gyre(*self.zeros(4, 0), "--json", code=USAGE, says="0 keys")
        self.gyre(*self.zeros(4, 4), "--map", "/nowhere/m.png", code=FAILED_FILE, says="written")
        self.gyre(*self.zeros(4, 4), "--causal", code=USAGE, says="say what to write")

    def test_shapes_that_do_not_fit(self):
        q, k, v = (self.write(f"{name}.npy", npy(shape, [0] * math.prod(shape)))
                   for name, shape in (("q", (3, 4, 2)), ("k", (3, 2, 2)), ("v", (3, 1, 2))))
        for args in ["--json"], ["--map", self.path("m.png")]:
            self.gyre("attend", "--q", q, "--k", k, "--v", v, *args, "--heads", "0", code=USAGE,
                      says="v: shape")
        self.gyre("attend", "--q", q, "--k", self.write("three.npy", npy((3, 3, 2), [0] * 18)),
                  "--v", v, "--json", code=USAGE, says="do not divide 4 query heads")

    def test_pictures(self):
        one = self.draw(*self.zeros(64, 64, 8), "--heads", "6")
        all_heads = self.draw(*self.zeros(64, 64, 8))
        self.assertGreater(all_heads[0], one[0])
        for q_len, kv_len, heads in (1, 1, 1), (1, 3000, 2), (3000, 1, 2), (12, 12, 130):
            with self.subTest(q_len=q_len, kv_len=kv_len, heads=heads):
                size = self.draw(*self.zeros(q_len, kv_len, heads), "--heads", "all")
                self.assertTrue(all(500 < side < 3000 for side in size), size)


if __name__ == "__main__":
    main()
