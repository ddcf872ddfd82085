"""Metrics and health over HTTP: the text format, exact counts, nothing that names anybody, and bad callers."""

import math
import pathlib
import os
import random
import re
import socket
import time

import grpc

import harness
from harness import picture
from match_test import random_pdq
from vigie.v1 import lists_pb2, match_pb2
from vigie.v1.types_pb2 import Verdict

NAME = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def parse(text):
    """{family: (type, {(sample name, labels): value})}. Strict: an error for what a scraper may refuse."""
    families = {}
    helped = set()
    current = None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, sentence = line.split(" ", 3)
            assert NAME.match(name) and sentence.endswith("."), line
            assert name not in helped, f"{name} twice"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helped and name not in families and kind in SUFFIXES, line
            families[name] = (kind, {})
            current = name
        else:
            match = SAMPLE.match(line)
            assert match, line
            name, labels, value = match.groups()
            kind, samples = families[current]
            assert name in [current + suffix for suffix in SUFFIXES[kind]], line
            pairs = LABEL.findall(labels or "")
            assert ",".join(f'{k}="{v}"' for k, v in pairs) == (labels or "").rstrip(","), line
            assert len({k for k, _ in pairs}) == len(pairs), line
            key = (name, tuple(sorted(pairs)))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(value)
    assert helped == set(families)
    for name, (kind, samples) in families.items():
        assert kind != "counter" or name.endswith("_total"), name
        assert kind == "counter" or not name.endswith("_total"), name
        if kind == "counter":
            assert all(value >= 0 for value in samples.values()), name
        if kind == "histogram":
            check_histogram(name, samples)
    return families


def samples(server):
    """{(sample name, labels): value} of the server's page."""
    _, text = server.get("/metrics")
    return {key: value for _, family in parse(text).values() for key, value in family.items()}


def check_histogram(name, samples):
    series = {}
    for (sample, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        one = series.setdefault(rest, {"buckets": []})
        if sample == name + "_bucket":
            one["buckets"].append((float(dict(labels)["le"]), value))
        else:
            one[sample.removeprefix(name)] = value
    for labels, one in series.items():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, (name, labels)
        assert counts == sorted(counts) and counts[-1] == one["_count"], (name, labels)
        finite = [bound for bound in bounds if bound != math.inf]
        below = [count - before for count, before in zip(counts, [0, *counts])]
        least = sum(bound * count for bound, count in zip([0, *finite], below))
        assert one["_sum"] >= least * 0.999, (name, labels, one)


class Metrics(harness.ServerTest):
    flags = ("--canary.interval_seconds", "3600")

    def value(self, name, **labels):
        code, text = self.server.get("/metrics")
        self.assertEqual(code, 200)
        _, samples = parse(text)[re.sub("_(count|sum)$", "", name)]
        return samples.get((name, tuple(sorted(labels.items()))), 0)

    def grown(self, before, name, **labels):
        return self.value(name, **labels) - before.get((name, tuple(sorted(labels.items()))), 0)

    def test_counts_are_those_of_the_traffic(self):
        before = samples(self.server)
        grown = lambda name, **labels: self.grown(before, name, **labels)
        fingerprints = self.flagger.hash_image(picture("scene-1.png"))
        self.flagger.create_list("counted")
        self.flagger.upload("lists/counted", [{"fingerprints": fingerprints}])
        for _ in range(3):
            self.assertEqual(self.platform.check(picture("scene-1.jpg")).outcome, Verdict.MATCH)
        for _ in range(2):
            self.platform.check(picture("scene-4.png"))
        self.platform.check(b"no picture")
        self.platform.check(picture("flat.png"))
        pictures = [match_pb2.HashedPicture(fingerprints=[random_pdq(random.Random(i))])
                    for i in range(5)]
        self.platform.match.CheckHashes(match_pb2.CheckHashesRequest(pictures=pictures))
        asked = [match_pb2.StreamCheckRequest(id=str(i), image=picture("scene-1.png"))
                 for i in range(4)]
        list(self.platform.match.StreamCheck(iter(asked)))
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.platform.create_list("not-mine")
        harness.poll(lambda: grown("vigie_requests_total", method="StreamCheck", code="OK") == 1,
                     "the stream's end is counted")
        for method, code, count in (("CheckImage", "OK", 7), ("CheckHashes", "OK", 1),
                                    ("HashImage", "OK", 1), ("UploadEntries", "OK", 1),
                                    ("CreateList", "OK", 1), ("CreateList", "PERMISSION_DENIED", 1)):
            self.assertEqual(grown("vigie_requests_total", method=method, code=code), count, method)
        self.assertEqual(grown("vigie_request_duration_seconds_count", method="CheckImage"), 7)
        self.assertEqual(grown("vigie_request_duration_seconds_count", method="CreateList"), 2)
        for outcome, count in (("match", 7), ("no_match", 7), ("not_scanned", 2)):
            self.assertEqual(grown("vigie_verdicts_total", outcome=outcome), count, outcome)
        self.assertEqual(grown("vigie_match_verdicts_total", action="provisional_block",
                               category="ncii"), 7)
        for reason in ("unsupported_format", "featureless"):
            self.assertEqual(grown("vigie_not_scanned_total", reason=reason), 1, reason)
        self.assertEqual(grown("vigie_check_step_duration_seconds_count", step="decode"), 10)
        self.assertGreaterEqual(grown("vigie_commit_duration_seconds_count"), 2)
        self.assertEqual(self.value("vigie_serving"), 1)
        self.assertEqual(self.value("vigie_index_rows"), 2)  # with the canary's
        self.assertGreater(self.value("vigie_database_bytes", file="database"), 0)
        self.assertGreater(self.value("process_resident_memory_bytes"), 1 << 20)
        self.assertLess(abs(self.value("process_start_time_seconds") - time.time()), 3600)

    def test_nothing_names_anybody(self):
        fingerprints = self.flagger.hash_image(picture("scene-2.png"))
        self.flagger.create_list("very-secret-list")
        [result] = self.flagger.upload("lists/very-secret-list", [{"fingerprints": fingerprints}])
        self.platform.check(picture("scene-2.jpg"))
        _, text = self.server.get("/metrics")
        for word in ("very-secret-list", "helpline", "forum", result.entry.rsplit("/", 1)[1],
                     str(self.server.data_dir), "vigie:",
                     *(key.split("_")[1] for key in self.server.keys.values()),
                     *(fingerprint.hex for fingerprint in fingerprints)):
            self.assertNotIn(word, text)

    def test_every_metric_is_documented_and_the_reverse(self):
        docs = (pathlib.Path(os.environ["VIGIE_SOURCE_DIR"]) / "docs/operating.md").read_text()
        section = docs.split("## Metrics\n")[1].split("\n## ")[0]
        table = [line for line in section.splitlines() if line.startswith("| `")]
        documented = {name for line in table for name in re.findall(r"`((?:vigie|process)_\w+)", line)}
        _, text = self.server.get("/metrics")
        self.assertEqual(documented, set(parse(text)))

    def test_health(self):
        self.assertEqual(self.server.get("/healthz"), (200, "SERVING\n"))
        for path in ("/", "/metrics/", "/healthz/x", "/../metrics"):
            self.assertEqual(self.server.get(path)[0], 404, path)
        self.assertEqual(self.server.get("/healthz?verbose=1")[0], 200)

    def exchange(self, data, finish=True):
        """What the server answers to these bytes."""
        host, port = self.server.metrics_address.split(":")
        with socket.create_connection((host, int(port)), timeout=harness.WAIT_SECONDS) as caller:
            try:
                caller.sendall(data)
                if finish:
                    caller.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has had enough
            answer = b""
            try:
                while piece := caller.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer

    def test_bad_requests_are_refused_and_bounded(self):
        for data, code in ((b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
                           (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"405"),
                           (b"garbage\r\n\r\n", b"400"), (b"\r\n\r\n", b"400"),
                           (b"GET  HTTP/1.1\r\n\r\n", b"404"),
                           (b"GET /metrics SPDY\r\n\r\n", b"400"),
                           (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 100_000, b"431"),
                           (b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, b"431")):
            with self.subTest(data[:30]):
                answer = self.exchange(data)
                self.assertTrue(answer.startswith(b"HTTP/1.1 " + code), answer[:60])
        self.assertEqual(self.exchange(b""), b"")
        self.assertEqual(self.exchange(random.Random(5).randbytes(4000)), b"")
        body = b"GET /healthz HTTP/1.1\r\nContent-Length: 9\r\n\r\n" + b"x" * 9
        self.assertTrue(self.exchange(body).startswith(b"HTTP/1.1 200"))
        self.assertEqual(self.server.get("/healthz")[0], 200)

    def test_slow_callers_give_way(self):
        host, port = self.server.metrics_address.split(":")
        slow = []
        try:
            for _ in range(100):
                slow.append(socket.create_connection((host, int(port)), timeout=30))
                slow[-1].sendall(b"GET /metrics HTT")
            self.assertEqual(self.server.get("/healthz")[0], 200)
            # The first have been closed, and no more are kept than may be.
            slow[0].settimeout(harness.WAIT_SECONDS)
            self.assertEqual(slow[0].recv(1), b"")
        finally:
            for one in slow:
                one.close()
        self.assertEqual(self.server.get("/metrics")[0], 200)


class Settings(harness.TestCase):
    def test_off(self):
        server = harness.Server("--metrics.listen", "")
        self.addCleanup(server.stop)
        self.assertEqual(server.stop(), 0)

    def test_remote_addresses_need_a_setting(self):
        refused = harness.run("serve", "--check-config", "--metrics.listen", "0.0.0.0:0")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("metrics.allow_remote", refused.stderr)
        allowed = harness.run("serve", "--check-config", "--metrics.listen", "0.0.0.0:0",
                              "--metrics.allow_remote", "true")
        self.assertEqual(allowed.returncode, 0, allowed.stderr)
        self.assertEqual(harness.run("serve", "--check-config", "--metrics.listen",
                                     "localhost").returncode, 2)

    def test_a_port_that_is_taken_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = harness.run("serve", "--data_dir", harness.new_folder() / "data", "--listen",
                               "127.0.0.1:0", "--metrics.listen",
                               "127.0.0.1:%d" % taken.getsockname()[1])
        self.assertEqual(done.returncode, 3)
        self.assertIn("LISTEN_FAILED", done.stderr)


if __name__ == "__main__":
    harness.main()
