"""vigie-bench trust: what it measures against a server of its own, its JSON file, its exit codes."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BENCH = os.environ["VIGIE_BENCH"]


def run(*arguments):
    return subprocess.run([BENCH, "trust", *map(str, arguments)], capture_output=True, text=True,
                          timeout=280, check=False)


class TrustBench(unittest.TestCase):
    """The subcommand trust, on few entries."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def measure(self, part, *arguments):
        file = self.folder / "trust.json"
        done = run("--part", part, "--entries", "2k", "--json", file, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{part}: ", done.stdout)
        result = json.loads(file.read_text())
        self.assertEqual(result["entries"], 2000)
        self.assertEqual(set(result) - {"entries", "cores"}, {part})
        return result[part]

    def test_submissions_are_blocked_at_the_first_try(self):
        result = self.measure("submit", "--rounds", "5", "--checks", "50")
        self.assertEqual((result["missed"], result["checks_failed"], result["checks_matched"]),
                         (0, 0, 0))
        self.assertEqual(result["blocked"]["count"], 5)
        self.assertGreater(result["checks"]["count"], 0)
        self.assertGreaterEqual(result["blocked"]["p50_us"], result["acknowledged"]["p50_us"])
        self.assertLessEqual(result["blocked"]["p99_us"], result["blocked"]["max_us"])

    def test_what_expires_is_written_down_and_matches_no_more(self):
        result = self.measure("expiry", "--expiring", "1k", "--seconds", "0.2")
        self.assertEqual((result["expiring"], result["still_matched"], result["not_written"]),
                         (1000, 0, 0))
        self.assertAlmostEqual(result["p99_ratio"],
                               result["during"]["p99_us"] / result["idle"]["p99_us"], places=3)

    def test_uploads_are_counted_by_the_engine_a_stream_and_the_command(self):
        result = self.measure("upload")
        self.assertEqual(set(result), {"engine", "stream", "named", "import"})
        for rate in result.values():
            self.assertEqual(rate["missing"], 0)
            self.assertAlmostEqual(rate["per_s"] * rate["s"], 2000, places=3)

    def test_a_changed_event_is_found(self):
        result = self.measure("audit")
        self.assertEqual(result["events"], 2001)
        self.assertTrue(result["found_edit"])

    def test_what_cannot_be_done_is_said(self):
        for arguments, code, words in (
                (("--part", "audit", "--entries", "1k", "--json", self.folder / "none" / "file"), 3,
                 "cannot write"),
                (("--program", self.folder / "none"), 3, "--program"),
                (("--part", "speed"), 2, "--part"),
                (("--entries", "few"), 2, "--entries")):
            done = run(*arguments)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn(words, done.stderr, arguments)


if __name__ == "__main__":
    unittest.main()
