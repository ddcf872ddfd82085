"""vigie-bench hash: what it measures on a few pictures, its JSON file, its exit codes."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BENCH = os.environ["VIGIE_BENCH"]


def run(*arguments):
    return subprocess.run([BENCH, *map(str, arguments)], capture_output=True, text=True, timeout=280,
                          check=False)


def write_bitmap(path, width, height):
    """A smooth picture with some edges, 24 bits a pixel."""
    row_bytes = (3 * width + 3) // 4 * 4
    rows = b"".join(
        bytes(value for x in range(width)
              for value in ((x * 3 + y) % 256, (x * y // 64) % 256, 255 if (x // 40 + y // 30) % 2 else 20)
              ).ljust(row_bytes, b"\0")
        for y in range(height))
    header = b"BM" + (54 + len(rows)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = b"".join(value.to_bytes(4, "little") for value in (
        40, width, height, 1 | 24 << 16, 0, len(rows), 2835, 2835, 0, 0))
    path.write_bytes(header + info + rows)


class HashBench(unittest.TestCase):
    """The subcommand hash."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_it_measures_kernels_and_files_and_writes_json(self):
        picture = self.folder / "picture.bmp"
        write_bitmap(picture, 300, 200)
        images = self.folder / "images"
        made = run("edit", picture, "--out", images, "--edits", "half,mirrored")
        self.assertEqual(made.returncode, 0, made.stderr)
        (images / "text.jpg").write_text("no picture")
        file = self.folder / "hash.json"
        done = run("hash", "--images", images, "--json", file, "--seconds", "0.01", "--repeat", "1",
                   "--threads", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 JPEG files; 1 others skipped", done.stderr)
        self.assertIn("drift of fast against exact", done.stdout)

        result = json.loads(file.read_text())
        self.assertEqual({row["size"] for row in result["kernel"]}, {64, 256, 512, 1024})
        self.assertEqual({row["kind"] for row in result["kernel"]}, {"grey", "colour"})
        self.assertIn(result["active_target"], {row["target"] for row in result["kernel"]})
        for row in result["kernel"]:
            self.assertGreater(row["us"], 0)
            self.assertAlmostEqual(row["vs_scalar"], row["definition_us"] / row["us"], delta=0.01 *
                                   row["vs_scalar"])
        for files in (result["files"], result["files_exact"]):
            self.assertEqual(files["count"], 2)
            self.assertAlmostEqual(files["ratio"], files["total_us"] / files["decode_us"], places=3)
            self.assertEqual(len(files["images_per_s_by_threads"]), 2)
            self.assertEqual(files["images_per_s"], files["images_per_s_by_threads"][0])
        drift = result["drift"]
        self.assertEqual(drift["count"] + drift["featureless"], 2)
        self.assertLessEqual(drift["p50"], drift["max"])

    def test_without_a_folder_only_the_kernels_are_measured(self):
        file = self.folder / "hash.json"
        done = run("hash", "--seconds", "0.001", "--json", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(file.read_text())["files"]["count"], 0)
        self.assertNotIn("drift", done.stdout)

    def test_what_cannot_be_done_is_said(self):
        for arguments, code, words in (
                (("--images", self.folder), 3, "no JPEG"),
                (("--images", self.folder / "none"), 3, "none"),
                (("--seconds", "0.001", "--json", self.folder / "none" / "file"), 3, "cannot write"),
                (("--threads", "0"), 2, "--threads"),
                (("--repeat", "x"), 2, "--repeat")):
            done = run("hash", *arguments)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn(words, done.stderr, arguments)

    def test_help_names_every_option(self):
        done = run("hash", "--help")
        self.assertEqual(done.returncode, 0)
        for option in ("--images", "--json", "--seconds", "--repeat", "--threads"):
            self.assertIn(option, done.stdout)


if __name__ == "__main__":
    unittest.main()
