"""Malformed pictures from public corpora through a running server: a verdict each, no crash."""

import collections
import os
import pathlib
import unittest

import harness
from vigie.v1 import match_pb2
from vigie.v1.types_pb2 import Verdict


def corpus():
    """Every file of the shared folder; empty when it is not there."""
    shared = os.environ.get("VIGIE_SHARED")
    root = (pathlib.Path(shared) if shared
            else pathlib.Path(os.environ["VIGIE_SOURCE_DIR"]).parent / "shared")
    return sorted(path for path in (root / "data" / "hostile").glob("**/*") if path.is_file())


class Hostile(harness.ServerTest):
    """All of them on one stream, mixed by its concurrency."""

    def test_every_malformed_picture_gets_a_verdict_and_the_server_goes_on(self):
        files = corpus()
        if not files:
            raise unittest.SkipTest("no malformed pictures here: set VIGIE_SHARED")
        questions = (match_pb2.StreamCheckRequest(id=str(i), image=path.read_bytes())
                     for i, path in enumerate(files))
        outcomes = collections.Counter()
        answered = set()
        for answer in self.platform.match.StreamCheck(questions, timeout=500):
            path = files[int(answer.id)]
            self.assertTrue(answer.HasField("verdict"), (path, answer))
            self.assertNotIn(answer.id, answered)
            answered.add(answer.id)
            verdict = answer.verdict
            if verdict.outcome == Verdict.NOT_SCANNED:
                self.assertNotEqual(verdict.not_scanned, Verdict.NOT_SCANNED_UNSPECIFIED, path)
                self.assertTrue(verdict.detail, path)
                outcomes[f"not scanned: {Verdict.NotScanned.Name(verdict.not_scanned)}"] += 1
            else:
                self.assertEqual(verdict.outcome, Verdict.NO_MATCH, path)
                outcomes["no match"] += 1
        self.assertEqual(len(answered), len(files))
        print(f"{len(files)} malformed pictures:")
        for outcome, count in outcomes.most_common():
            print(f"  {count:5} {outcome}")
        self.assertEqual(self.platform.check(harness.picture("scene-1.png")).outcome,
                         Verdict.NO_MATCH)


if __name__ == "__main__":
    harness.main()
