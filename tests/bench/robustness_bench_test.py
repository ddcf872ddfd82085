"""vigie-bench robustness: edits are the same every time, what it counts, its files, its exit codes."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BENCH = os.environ["VIGIE_BENCH"]


def run(*arguments):
    return subprocess.run([BENCH, *map(str, arguments)], capture_output=True, text=True, timeout=280,
                          check=False)


def write_scene(path, seed, width=320, height=240):
    """Discs of all shades, 24 bits a pixel."""
    state = seed * 2654435761 % 2**32

    def below(limit):
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return (state >> 8) % limit

    pixels = [bytearray([90, 120, 150] * width) for _ in range(height)]
    for _ in range(30):
        x, y, radius = below(width), below(height), 12 + below(60)
        shade = bytes(below(256) for _ in range(3))
        for row in range(max(0, y - radius), min(height, y + radius)):
            half = int((radius**2 - (row - y)**2)**0.5)
            left, right = max(0, x - half), min(width, x + half)
            pixels[row][3 * left:3 * right] = shade * (right - left)
    rows = b"".join(bytes(row).ljust((3 * width + 3) // 4 * 4, b"\0") for row in pixels)
    header = b"BM" + (54 + len(rows)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = b"".join(value.to_bytes(4, "little") for value in (
        40, width, height, 1 | 24 << 16, 0, len(rows), 2835, 2835, 0, 0))
    path.write_bytes(header + info + rows)


class RobustnessBench(unittest.TestCase):
    """The subcommand robustness."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.photos = cls.folder / "photos"
        cls.distractors = cls.folder / "distractors"
        for folder, seeds in ((cls.photos, range(4)), (cls.distractors, range(4, 12))):
            folder.mkdir()
            for seed in seeds:
                write_scene(folder / f"scene-{seed}.bmp", seed)
        (cls.photos / "notes.txt").write_text("no picture")

    def edits(self):
        listed = run("edit", "--list")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        return [line.split(maxsplit=1) for line in listed.stdout.splitlines()]

    def test_there_are_many_edits_of_every_kind_with_names_of_their_own(self):
        names = [name for name, _ in self.edits()]
        self.assertGreaterEqual(len(names), 40)
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^[a-z0-9-]+$")
        for kind in ("blur", "noise", "jpeg", "mosaic", "emoji", "bar", "border", "letterbox",
                     "screenshot", "meme", "crop", "mirror-crop", "rotate", "perspective", "collage",
                     "inpaint", "replaced", "cutout", "quarter", "watermark", "grey"):
            self.assertTrue(any(name.startswith(kind) for name in names), kind)

    def test_every_edit_gives_the_same_jpeg_each_time_and_another_one_than_the_others(self):
        picture = self.photos / "scene-1.bmp"
        copies = []
        for attempt in ("one", "two"):
            out = self.folder / attempt
            done = run("edit", picture, "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            copies.append({path.name: path.read_bytes() for path in out.iterdir()})
        self.assertEqual(copies[0], copies[1])
        self.assertEqual(len(copies[0]), len(self.edits()))
        self.assertEqual(len(set(copies[0].values())), len(copies[0]))
        for name, content in copies[0].items():
            self.assertEqual(content[:2], b"\xff\xd8", name)

    def test_it_counts_what_is_found_and_writes_json_and_a_chart(self):
        file = self.folder / "robustness.json"
        chart = self.folder / "chart.svg"
        written = self.folder / "written"
        done = run("robustness", "--photos", self.photos, "--distractors", self.distractors,
                   "--edits", "same,mirrored,crop-half,collage-4,border-15", "--limit", "3", "--json", file,
                   "--svg", chart, "--write", written)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("3 of 3 photographs", done.stderr)
        result = json.loads(file.read_text())
        self.assertEqual((result["photographs"], result["entries"], result["skipped"]), (3, 12, 1))
        self.assertEqual(result["false_matches"], [])
        self.assertLess(len(result["missed"]), 3 * 5)
        # Each upload against the photographs that it does not show.
        self.assertGreater(result["pairs"], 3 * 3 * 11)
        rows = {(row["edit"], row["tier"]): row for row in result["robustness"]}
        self.assertEqual({edit for edit, _ in rows}, {"same", "mirrored", "crop-half", "collage-4",
                                                      "border-15"})
        for edit in ("same", "mirrored"):
            self.assertEqual(rows[edit, "FAST"]["recall"], 1)
            self.assertLessEqual(rows[edit, "FAST"]["median"], 31)
        self.assertEqual(rows["crop-half", "FAST"]["recall"], 0)
        self.assertIsNone(rows["crop-half", "FAST"]["median"])
        self.assertEqual(rows["border-15", "FAST"]["recall"], 0)
        self.assertGreater(rows["border-15", "PARTS"]["recall"], 0.5)
        self.assertEqual(rows["crop-half", "PARTS"]["inliers"], None)
        for row in rows.values():
            self.assertIn(row["tier"], ("FAST", "PARTS", "LOCAL"))
            if row["tier"] == "LOCAL":
                self.assertGreaterEqual(row["recall"], rows[row["edit"], "PARTS"]["recall"])
        for row in rows.values():
            self.assertEqual((row["asked"], row["false"]), (3, 0))
            self.assertGreater(row["hash_us"], 0)
        self.assertIn("<svg", chart.read_text())
        self.assertEqual(len(list(written.iterdir())), 15)
        page = self.folder / "page.html"
        made = run("report", file, "--out", page)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("crop-half", page.read_text())
        self.assertNotIn('class="warning">', page.read_text())

    def test_the_same_seed_gives_the_same_figures_and_no_picture_is_written(self):
        figures = []
        before = sorted(self.photos.rglob("*"))
        for seed in (5, 5):
            file = self.folder / "again.json"
            done = run("robustness", "--photos", self.photos, "--edits", "noise-strong,collage-2",
                       "--seed", seed, "--json", file)
            self.assertEqual(done.returncode, 0, done.stderr)
            text = re.sub(r'"\w+_us": [0-9.e+-]+', "", file.read_text())
            figures.append(text)
        self.assertEqual(figures[0], figures[1])
        self.assertEqual(sorted(self.photos.rglob("*")), before)

    def test_what_cannot_be_done_is_said(self):
        empty = self.folder / "empty"
        empty.mkdir()
        for arguments, code, words in (
                ((), 2, "--photos"),
                (("--photos", self.photos, "--edits", "nonesuch"), 2, "nonesuch"),
                (("--photos", self.photos, "--limit", "0"), 2, "--limit"),
                (("--photos", empty), 3, "no picture"),
                (("--photos", self.folder / "none"), 3, "none"),
                (("--photos", self.photos, "--edits", "same", "--json",
                  self.folder / "none" / "file"), 3, "cannot write")):
            done = run("robustness", *arguments)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn(words, done.stderr, arguments)

    def test_help_names_every_option(self):
        done = run("robustness", "--help")
        self.assertEqual(done.returncode, 0)
        for option in ("--photos", "--distractors", "--edits", "--limit", "--seed", "--json", "--svg",
                       "--write"):
            self.assertIn(option, done.stdout)


if __name__ == "__main__":
    unittest.main()
