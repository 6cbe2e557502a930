# SPDX-License-Identifier: MIT
"""What the tests of the gyre command share. They are called as test_NAME.py GYRE EXAMPLE_DATA."""
import array
import os
import subprocess
import sys
import tempfile
import unittest

GYRE, DATA = sys.argv[1:3]
FAILED, USAGE, FAILED_FILE = 1, 2, 3


def data(name):
    return os.path.join(DATA, name)


def floats(path):
    """Numbers of a float32 .npy file of version 1."""
    with open(path, "rb") as file:
        content = file.read()
    values = array.array("f")
    values.frombytes(content[10 + int.from_bytes(content[8:10], "little"):])
    return values


def npy(shape, values):
    """A float32 .npy file of version 1."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}}}\n".encode()
    return (b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header +
            array.array("f", values).tobytes())


class Case(unittest.TestCase):
    """A folder of its own, and the command run in it on the CPU."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = scratch.name
        self.env = {**os.environ, "GYRE_CACHE_DIR": self.path("cache"), "GYRE_DEVICE": "cpu"}

    def path(self, name):
        return os.path.join(self.dir, name)

    def gyre(self, *args, code=0, says=""):
        """Runs `gyre args`; checks its exit status and that stderr has the words `says`."""
        run = subprocess.run([GYRE, *args], capture_output=True, text=True, check=False,
                             env=self.env)
        self.assertEqual(run.returncode, code, f"gyre {' '.join(args)}\n{run.stdout}{run.stderr}")
        self.assertIn(says, run.stderr)
        return run.stdout

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def near(self, got, want, bound):
        got, want = floats(got), floats(want)
        self.assertEqual(len(got), len(want))
        self.assertLess(max(abs(a - b) for a, b in zip(got, want)), bound)


def main():
    unittest.main(argv=sys.argv[:1])
