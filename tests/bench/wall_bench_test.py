"""vigie-bench wall: what it measures on a few pictures, its JSON file, its exit codes."""

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


class WallBench(unittest.TestCase):
    """The subcommand wall."""

    def test_it_compares_and_measures_and_writes_json(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "wall.json"
            done = run("wall", "--rounds", "1", "--kills", "3", "--json", file)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("from kill -9 of a worker to the next answer", done.stdout)
            result = json.loads(file.read_text())
        self.assertEqual([row["threads"] for row in result["results"]], [1, 2])
        for row in result["results"]:
            self.assertAlmostEqual(row["ratio"], row["walled_per_s"] / row["in_process_per_s"],
                                   places=3)
        for key in ("start_ms", "replace_p50_ms", "replace_p99_ms", "idle_spawner_mb",
                    "idle_worker_mb"):
            self.assertGreater(result[key], 0, key)

    def test_what_cannot_be_done_is_said(self):
        for arguments, code, words in (
                (("--images", "/no/such/folder"), 3, "folder"),
                (("--threads", "0"), 2, "--threads"),
                (("--rounds", "x"), 2, "--rounds")):
            done = run("wall", *arguments)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn(words, done.stderr, arguments)


if __name__ == "__main__":
    unittest.main()
