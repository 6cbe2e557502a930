#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The gyre command as its users see it: test_cli.py GYRE EXAMPLE_DATA."""
import json
import math
import os
import resource
import subprocess
import unittest

from cli import DATA, FAILED, FAILED_FILE, GYRE, USAGE, Case, data, main

COMMANDS = ["attend", "cache", "demo", "devices", "explain", "rope", "rope-table", "verify"]


class Cli(Case):
    def test_help(self):
        self.assertIn("commands:", self.gyre("--help"))
        self.assertIn("gyre", self.gyre("--version"))
        for command in COMMANDS:
            self.assertIn("examples", self.gyre(command, "--help"))

    def test_usage(self):
        self.gyre(code=USAGE, says="usage")
        self.gyre("sing", code=USAGE, says="no command 'sing'")
        self.gyre("rope", code=USAGE, says="usage")
        self.gyre("rope", "a.npy", code=USAGE, says="-o FILE")
        self.gyre("rope", "a.npy", "--loud", code=USAGE, says="'--loud'")
        self.gyre("rope", "a.npy", "--theta", "big", code=USAGE, says="a number")
        self.gyre("rope", "a.npy", "--pairing", "odd", code=USAGE, says="half|interleaved")
        self.gyre("rope", "a.npy", "b.npy", code=USAGE, says="'b.npy'")
        self.gyre("attend", code=USAGE, says="--q")
        self.gyre("explain", "sum", code=USAGE, says="'sum'")
        self.gyre("verify", "--case", "abacus", code=USAGE, says="'abacus'")
        self.gyre("cache", "burn", code=USAGE, says="'burn'")

    def test_unknown_device(self):
        self.gyre("rope", data("q_pre.npy"), "-o", self.path("o.npy"), "-d", "abacus", code=USAGE,
                  says="known: cpu")

    def test_bad_files(self):
        with open(data("q_pre.npy"), "rb") as file:
            whole = file.read()
        bad = {
            "is not a .npy file": b"hello",
            "ends inside its header": whole[:60],
            "the file holds": whole[:200],
            "needs": whole.replace(b"64, 8, 8", b"9999999999, 8, 8"),
        }
        for says, content in bad.items():
            path = self.write("bad.npy", content)
            self.gyre("rope", path, "-o", self.path("o.npy"), code=FAILED_FILE, says=says)
            self.assertFalse(os.path.exists(self.path("o.npy")))
        self.gyre("rope", self.path("none.npy"), "-o", "o.npy", code=FAILED_FILE, says="opened")
        self.gyre("rope", data("q_pre.npy"), "-o", "/nowhere/o.npy", code=FAILED_FILE,
                  says="created")

    def test_shapes_that_do_not_fit(self):
        self.gyre("attend", "--q", data("q_pre.npy"), "--k", data("k_pre.npy"), "--v",
                  data("q_pre.npy"), "-o", self.path("o.npy"), code=USAGE, says="shape")
        self.gyre("attend", "--q", data("q_pre.npy"), "--k", data("k_pre.npy"), "--v",
                  data("v.npy"), "--map", self.path("m.png"), "--heads", "8", code=USAGE,
                  says="head 8")

    def test_rope(self):
        out, back = self.path("out.npy"), self.path("back.npy")
        self.gyre("rope", data("q_pre.npy"), "-o", out, "--pairing", "interleaved")
        self.near(out, data("q_rope.npy"), 1e-5)
        self.gyre("rope", out, "-o", back, "--pairing", "interleaved", "--inverse")
        self.near(back, data("q_pre.npy"), 1e-5)

    LLAMA = {"head_dim": 128, "rope_theta": 500000.0, "max_position_embeddings": 131072,
             "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                              "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}

    def config(self, config):
        """Path of a configuration that the library can read."""
        path = self.write("config.json", json.dumps(config).encode())
        if "JSON" in subprocess.run([GYRE, "rope-table", path], capture_output=True, text=True,
                                    check=False).stderr:
            self.skipTest("the library was built without JSON")
        return path

    def rope_table(self, config, *args, **wanted):
        """What `gyre rope-table` prints of a configuration."""
        return self.gyre("rope-table", self.config(config), *args, **wanted)

    def test_rope_of_a_config(self):
        model = {"head_dim": 8, "model_type": "gptj", "rotary_dim": 8, "rope_ratio": 2,
                 "rope_local_base_freq": 10000}
        said, read = self.path("said.npy"), self.path("read.npy")
        args = "rope", data("q_pre.npy"), "-o", read, "--config", self.config(model)
        self.gyre("rope", data("q_pre.npy"), "-o", said, "--pairing", "interleaved", "--theta",
                  "20000")
        self.gyre(*args)
        self.near(read, said, 1e-9)
        self.gyre(*args, "--theta", "5", code=USAGE, says="--theta")
        self.gyre(*args, "--pairing", "half", code=USAGE, says="--pairing")
        self.gyre(*args[:4], "--layer-type", "x", code=USAGE, says="--config")
        self.gyre(*args, "--layer-type", "x", code=FAILED_FILE, says="layers of type x")
        self.config({**model, "rope_magic": 1})
        self.gyre(*args, code=FAILED, says="rope_magic")
        self.config({"head_dim": 16})
        self.gyre(*args, code=USAGE, says="head_dim")

    def test_rope_table(self):
        said = json.loads(self.rope_table(self.LLAMA, "--json", "--position", "1"))
        first, last = said["pairs"][0], said["pairs"][-1]
        self.assertEqual((said["kind"], said["theta"], said["rotary_dim"], said["unknown"]),
                         ("llama3", 500000, 128, []))
        self.assertEqual((first["inv_freq"], len(said["pairs"])), (1, 64))
        self.assertAlmostEqual(last["inv_freq"], 500000 ** (-126 / 128) / 8, delta=1e-20)
        self.assertAlmostEqual(last["wavelength"] * last["turns"], 8192)
        self.assertAlmostEqual(first["cos"], math.cos(1), delta=1e-7)
        text = self.rope_table(self.LLAMA)
        self.assertIn("turns over 8192", text)
        self.assertEqual(len(text.split("\n\n")[1].splitlines()), 65)

    def test_rope_table_follows_its_options(self):
        config = {"head_dim": 64, "max_position_embeddings": 2048, "rope_local_base_freq": 5000,
                  "rope_scaling": {"type": "dynamic", "factor": 10}}
        def theta(*args):
            last = json.loads(self.rope_table(config, "--json", *args))["pairs"][-1]
            return last["inv_freq"] ** (-64 / 62)
        self.assertAlmostEqual(theta(), 10000)
        self.assertAlmostEqual(theta("--seq-len", "2048"), 10000)
        self.assertAlmostEqual(theta("--seq-len", "4096"), 10000 * 11 ** (64 / 62))
        self.assertAlmostEqual(theta("--layer-type", "sliding_attention"), 5000)
        self.rope_table(config, "--layer-type", "no", code=FAILED_FILE, says="layers of type no")

    def test_rope_table_tells_what_stands_still(self):
        config = {"head_dim": 8, "rope_scaling": {"rope_type": "proportional",
                                                  "partial_rotary_factor": 0.5}}
        self.assertIn("8 elements, of which 4 rotate (partial_rotary_factor 0.5)",
                      self.rope_table(config))
        said = json.loads(self.rope_table(config, "--json"))
        self.assertEqual((said["rotary_dim"], said["n_rotating"], said["partial_rotary_factor"]),
                         (8, 4, 0.5))

    def test_rope_table_at_the_first_position(self):
        said = json.loads(self.rope_table(self.LLAMA, "--json", "--position", "-2147483648"))
        self.assertEqual(said["position"], -2 ** 31)
        self.assertAlmostEqual(said["pairs"][0]["cos"], math.cos(2 ** 31), delta=1e-7)

    def test_rope_table_names_unknown_keys(self):
        config = {**self.LLAMA, "rope_magic": 1}
        text = self.rope_table(config, code=FAILED, says="rope_magic")
        self.assertIn("500000", text)
        self.assertEqual(json.loads(self.rope_table(config, "--json", code=FAILED))["unknown"],
                         ["rope_magic"])
        config = {**self.LLAMA, "rope \x1b[31m": 1}
        self.assertEqual(json.loads(self.rope_table(config, "--json", code=FAILED))["unknown"],
                         ["rope???31m"])

    def test_rope_table_refuses(self):
        self.rope_table({}, code=FAILED_FILE, says="config.json: rope: head_dim is missing")
        run = subprocess.run([GYRE, "rope-table", "-"], input="{}", capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, FAILED_FILE)
        self.assertIn("standard input: rope: head_dim", run.stderr)
        self.rope_table({"head_dim": 8, "rope_scaling": {"type": "odd"}}, code=FAILED_FILE,
                        says="odd")
        self.gyre("rope-table", code=USAGE, says="usage")
        self.gyre("rope-table", self.path("none.json"), code=FAILED_FILE, says="opened")
        self.gyre("rope-table", self.write("bad.json", b"{"), code=FAILED_FILE, says="JSON")

    def test_rope_table_reads_input(self):
        self.rope_table(self.LLAMA)  # or skips
        run = subprocess.run([GYRE, "rope-table", "-", "--json"], input=json.dumps(self.LLAMA),
                             capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(run.stdout)["head_dim"], 128)

    def test_rope_table_draws(self):
        png = self.path("decay.png")
        self.rope_table(self.LLAMA, "--decay", png)
        with open(png, "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        self.rope_table(self.LLAMA, "--decay", self.path("a.svg"), code=USAGE, says="PNG")
        self.rope_table(self.LLAMA, "--decay", "/nowhere/a.png", code=FAILED_FILE, says="written")

    def test_attend(self):
        out, png = self.path("out.npy"), self.path("map.png")
        said = json.loads(self.gyre(
            "attend", "--q", data("q_pre.npy"), "--k", data("k_pre.npy"), "--v", data("v.npy"),
            "-o", out, "--map", png, "--heads", "7", "--causal", "--rope-theta", "10000",
            "--rope-pairing", "interleaved", "--json"))
        self.near(out, data("attn_out.npy"), 1e-5)
        self.assertEqual(said["q_shape"], [1, 64, 8, 8])
        with open(png, "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")

    def test_devices(self):
        devices = json.loads(self.gyre("devices", "--json"))
        self.assertEqual([d["id"] for d in devices if d["is_default"]], ["cpu"])
        self.assertIn("GYRE_DEVICE names it", self.gyre("devices"))

    def test_verify(self):
        run, = json.loads(self.gyre("verify", "--op", "rope", "--case", "half_8/", "--json"))
        self.assertEqual((run["n_passed"], run["n_failed"]), (3, 0))

    def test_precision(self):
        devices = json.loads(self.gyre("devices", "--json"))
        has_dots = next(device["has_bf16_dot"] for device in devices if device["id"] == "cpu")
        dots = ["--precision", "bf16-dots"]
        words = "bf16 dot products"
        if has_dots:
            self.assertIn(words, self.gyre("explain", "attention", "--dtype", "bf16", *dots))
        else:
            self.gyre("explain", "attention", "--dtype", "bf16", *dots, code=FAILED_FILE, says=words)
        self.gyre("attend", "--q", data("q_pre.npy"), "--k", data("k_pre.npy"), "--v",
                  data("v.npy"), "-o", self.path("o.npy"), *dots, code=FAILED_FILE, says=words)
        self.gyre("explain", "attention", "--dtype", "f16", "--precision", "f16-sums",
                  code=FAILED_FILE, says="f16 sums are for GPUs")
        self.gyre("attend", "--precision", "f8", code=USAGE, says="f16-sums")

    def test_explain(self):
        text = self.gyre("explain", "attention", "--q-len", "1", "--kv-len", "4096")
        self.assertIn("attention_split", text)
        self.assertRegex(text, r"scratch: [0-9.]+ KiB \([0-9]+ bytes\)")
        self.assertIn("rope", self.gyre("explain", "rope", "--heads", "4", "--json"))

    def test_cache(self):
        os.mkdir(self.path("cache"), 0o700)
        self.write("cache/0.gyre", b"damaged")
        entry, = json.loads(self.gyre("cache", "list", "--json"))
        self.assertTrue(entry["is_damaged"])
        self.assertIn("1 entries removed", self.gyre("cache", "clear"))
        self.assertEqual(json.loads(self.gyre("cache", "list", "--json")), [])

    def test_demo(self):
        demo = json.loads(self.gyre("demo", "--data", DATA, "-d", "cpu", "--json"))
        device, = demo["devices"]
        self.assertTrue(device["is_right"] and device["rope"]["is_right"] and
                        device["attention"]["is_right"])
        self.assertTrue(device["is_default"])

    def test_bench(self):
        if "\n  bench " not in self.gyre("--help"):
            self.skipTest("built without the benchmark")
        device, = json.loads(self.gyre("bench", "--quick", "--case", "rope/half_512/f32",
                                       "--device", "cpu", "--json"))
        row, = device["rows"]
        self.assertEqual((row["case"], row["check"], row["scratch_size"]),
                         ("rope/half_512/f32", "passed", 0))
        # Of what a busy machine measures only this is sure: shares are those of the two rates.
        self.assertGreater(row["share"], 0, row)
        self.assertAlmostEqual(row["share"], row["rate"] / row["limit_rate"],
                               delta=1e-6 * row["share"], msg=row)

    def test_peer(self):
        if "--peer" not in subprocess.run([GYRE, "bench", "--help"], capture_output=True, text=True,
                                          check=False).stdout:
            self.skipTest("built without the benchmark")
        self.gyre("bench", "--peer", "abacus", code=USAGE, says="openblas")
        args = ["bench", "--case", "attention/prefill_64_d128/", "--peer", "openblas", "--json", "-d", "cpu"]
        run = subprocess.run([GYRE, *args], capture_output=True, text=True, check=False,
                             env=self.env)
        if run.returncode == FAILED_FILE:
            self.assertRegex(run.stderr, "no OpenBLAS.*apt install libopenblas")
            self.skipTest(run.stderr.strip())
        self.assertEqual(run.returncode, 0, run.stderr)
        rows = {row["case"].split("/")[2]: row for row in json.loads(run.stdout)[0]["rows"]}
        peer = rows["f32"]["peer"]
        self.assertAlmostEqual(peer["ratio"], peer["wall"]["min_s"] / rows["f32"]["wall"]["min_s"],
                               delta=1e-6 * peer["ratio"])
        self.assertIn("f32", rows["f16"]["peer"]["none"])

    def first_call(self, device, caches):
        """Seconds of the demo's first call on a device, with all caches in a folder."""
        for name in "GYRE_CACHE_DIR", "POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR":
            self.env[name] = os.path.join(caches, name)
            os.makedirs(self.env[name], 0o700, exist_ok=True)
        demo = json.loads(self.gyre("demo", "--data", DATA, "-d", device, "--json"))
        return next(d["first_s"] for d in demo["devices"] if d["device"] == device)

    @unittest.skipIf("LSAN_OPTIONS" in os.environ, "sanitizers change the times")
    def test_second_run_is_fast(self):
        devices = json.loads(self.gyre("devices", "--json"))
        for device in (d["id"] for d in devices if d["route"] != "cpu"):
            with self.subTest(device=device):
                ratios = []
                for i in range(2):  # others' work on this machine may spoil one
                    caches = self.path(f"{device}-{i}")
                    first = self.first_call(device, caches)
                    ratios.append(first / self.first_call(device, caches))
                    if ratios[-1] >= 5:
                        break
                self.assertGreaterEqual(max(ratios), 5)

    def test_full_disk(self):
        """What cannot be kept costs a warning. Files are limited in size, as on a full disk."""
        devices = json.loads(self.gyre("devices", "--json"))
        # Other drivers' compilers need files.
        device = next((d["id"] for d in devices if d["route"] == "vulkan"), None)
        if device is None:
            self.skipTest("no Vulkan device")
        os.mkdir(self.path("cache"), 0o700)
        run = subprocess.run(
            [GYRE, "verify", "--op", "rope", "--case", "half_8/f32", "-d", device, "--json"],
            capture_output=True, text=True, check=False,
            env={**self.env, "MESA_SHADER_CACHE_DISABLE": "true"},
            restore_signals=False,  # SIGXFSZ stays ignored, so that writes fail
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)[0]["n_passed"], 1)
        self.assertIn("cannot write", run.stderr)
        self.assertEqual(json.loads(self.gyre("cache", "list", "--json")), [])

    def test_no_colour_in_a_pipe(self):
        self.assertNotIn("\033", self.gyre("devices"))


if __name__ == "__main__":
    main()
