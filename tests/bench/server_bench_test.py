"""vigie-bench server and report: what they write and how they end; no figure is judged."""

import html.parser
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BENCH = os.environ["VIGIE_BENCH"]
MODES = ["unary", "batch", "stream", "stream-batch", "image"]


def run(*arguments):
    return subprocess.run([BENCH, *map(str, arguments)], capture_output=True, text=True,
                          timeout=280, check=False)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


class ServerBench(Folder):
    """The subcommand server, on few entries and for a short time."""

    def measure(self, *arguments):
        file = self.folder / "server.json"
        done = run("server", "--entries", "1k", "--seconds", "0.3", "--window", "16", "--json", file,
                   *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(file.read_text())

    def test_every_mode_is_answered_rightly(self):
        report = self.measure("--load", "0.3")
        rows = report["results"]
        self.assertEqual([row["mode"] for row in rows],
                         [name for mode in MODES for name in ("floor", mode, mode)])
        for row in rows:
            if row["mode"] == "floor":
                floor = row["rps"]
            self.assertGreater(row["rps"], 0, row)
            self.assertEqual(row["wrong"], 0, row)
            self.assertEqual(row["errors"], row["refused"] + row["failed"] + row["wrong"])
            self.assertLessEqual(row["p50_us"], row["p99_us"])
            self.assertLessEqual(row["p99_us"], row["p999_us"])
            self.assertGreater(row["rss_mb"], 1)
            if row["mode"] != "floor":
                self.assertEqual(row["floor_rps"], floor)
                self.assertGreater(row["engine_pictures_s"], 0)
        self.assertEqual([row["target_rps"] is None for row in rows],
                         [True, True, False] * len(MODES))
        self.assertEqual([row["pictures"] for row in rows],
                         [1, 1, 1, 1, 100, 100, 1, 1, 1, 1, 100, 100, 1, 1, 1])
        [start] = report["starts"]
        self.assertEqual(start["entries"], 1000)
        self.assertGreaterEqual(start["processes"], 1)

    def test_a_soak_is_a_row_a_minute(self):
        report = self.measure("--mode", "unary", "--load", "0.2", "--soak", "0.1")
        self.assertEqual([row["target_rps"] is None for row in report["results"]],
                         [True, True, False])

    def test_hostile_files_are_answered_beside(self):
        hostile = self.folder / "hostile"
        hostile.mkdir()
        for i, head in enumerate((b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"")):
            (hostile / str(i)).write_bytes(head + bytes(1000 * i))
        report = self.measure("--mode", "unary", "--load", "0.2", "--hostile", hostile)
        rows = report["results"]
        self.assertEqual([row["mode"] for row in rows], ["floor"] + ["unary"] * 3)
        self.assertEqual([row["hostile_rps"] is None for row in rows], [True] * 3 + [False])
        self.assertGreater(rows[-1]["hostile_rps"], 0)
        self.assertGreater(rows[-1]["rps"], 0)

    def test_what_cannot_be_done_is_said(self):
        for arguments, code, words in ((("--mode", "telepathy"), 2, "--mode"),
                                       (("--hashes", "3"), 2, "--hashes"),
                                       (("--program", self.folder / "none"), 3, "--program"),
                                       (("--entries", "1k", "--flag=--no_such_flag"), 3, "start")):
            done = run("server", *arguments)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn(words, done.stderr, arguments)


class Reader(html.parser.HTMLParser):
    """Collects what a page shows, and what it would fetch."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.addresses = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "rect", "line", "path", "circle"):
            self.open.append(tag)
        self.addresses += [value for name, value in attributes
                           if name in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if tag in ("path", "circle", "rect", "line"):
            return
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


class Report(Folder):
    """The subcommand report."""

    def page(self, *files):
        out = self.folder / "report.html"
        done = run("report", *files, "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = out.read_text()
        reader = Reader()
        reader.feed(text)
        self.assertEqual(reader.open, [])
        self.assertEqual(reader.addresses, [])
        self.assertNotIn("<script", text)
        return " ".join(reader.text), text

    def test_every_suite_has_its_section(self):
        files = {name: self.folder / f"{name}.json" for name in ("server", "search", "trust", "start",
                                                                 "hash")}
        for arguments in (("server", "--entries", "1k", "--seconds", "0.2", "--window", "8", "--load",
                           "0.3", "--mode", "unary"),
                          ("search", "--n", "1k,2k", "--queries", "50", "--seconds", "0.1"),
                          ("trust", "--part", "audit,upload", "--entries", "1k"),
                          ("start", "--n", "1000"),
                          ("hash", "--seconds", "0.01")):
            done = run(*arguments, "--json", files[arguments[0]])
            self.assertEqual(done.returncode, 0, done.stderr)
        words, text = self.page(*files.values())
        for heading in ("Server: ", "Search: ", "Hash: ", "Trust: ", "Start"):
            self.assertIn(heading, words)
        self.assertGreaterEqual(text.count("<svg"), 6)
        self.assertNotIn('class="warning"', text)

    def test_wrong_answers_stand_out(self):
        file = self.folder / "trust.json"
        file.write_text(json.dumps({"entries": 1000, "audit": {"events": 1001, "append_s": 1,
                                                               "verify_s": 1, "found_edit": False}}))
        self.assertIn('class="warning"', self.page(file)[1])

    def test_what_files_say_is_no_markup(self):
        file = self.folder / "search.json"
        file.write_text(json.dumps({"results": [
            {"index": "<script>x", "n": 5, "radius": 31, "threads": 1, "build_s": 1,
             "bytes_per_hash": None, "p50_us": 1, "p99_us": 2, "mean_us": 1, "qps": 1,
             "recall": 1}]}))
        self.assertIn("<script>x", self.page(file)[0])

    def test_what_cannot_be_read_is_said(self):
        other = self.folder / "other.json"
        broken = self.folder / "broken.json"
        for content, words in (('{"a": 1}', "not what a suite"), ("{", "not JSON"),
                               ('{"starts": [], "results": [{}]}', "not as the suite server")):
            broken.write_text(content)
            done = run("report", broken, "--out", other)
            self.assertEqual(done.returncode, 3, content)
            self.assertIn(words, done.stderr)
            self.assertFalse(other.exists())
        self.assertEqual(run("report", self.folder / "none").returncode, 3)
        self.assertEqual(run("report").returncode, 2)


if __name__ == "__main__":
    unittest.main()
