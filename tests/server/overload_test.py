"""More than the server can do, and callers who hold it up: who is refused, how, and that the others
are answered meanwhile. Each fault prints how often it was met."""

import random
import resource
import socket
import threading

import grpc

import harness
import wire
from harness import picture
from match_test import random_pdq
from vigie.v1 import match_pb2, match_pb2_grpc
from vigie.v1.types_pb2 import Verdict

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # an empty frame of settings
IDLE = 10_000


def report(fault, count):
    print(f"  {fault}: {count}", flush=True)


def hashes(count, source=random.Random(16)):
    """A request of `count` pictures of which nothing is known."""
    return match_pb2.CheckHashesRequest(
        pictures=[match_pb2.HashedPicture(fingerprints=[random_pdq(source)])
                  for _ in range(count)])


def reason_of(call):
    """What became of a future: None, or (code, reason)."""
    error = call.exception(timeout=harness.WAIT_SECONDS)
    return None if error is None else (error.code(), wire.error_reason(error))


class Overload(harness.TestCase):
    principals = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
                  "other": ("network", "platform")}

    def start(self, *flags):
        """A server that refuses as an operator's does, unless `flags` say otherwise. A sanitizer
        gives freed memory back at once, so that what the server holds can be bounded."""
        if "--limits.max_wait_ms" not in flags:
            flags = (*flags, "--limits.max_wait_ms", "200")
        server = harness.Server(*flags, principals=self.principals,
                                env={"ASAN_OPTIONS": "quarantine_size_mb=0"})
        self.addCleanup(server.stop)
        return server

    def futures(self, client, method, request, count, timeout=harness.WAIT_SECONDS):
        call = getattr(match_pb2_grpc.MatchServiceStub(client.channel), method)
        return [call.future(request, timeout=timeout,
                            metadata=[("authorization", f"Bearer {client.key}")])
                for _ in range(count)]


class Rates(Overload):
    def test_who_asks_too_fast_is_told_when_there_will_be_enough(self):
        server = self.start("--limits.checks_per_second", "5", "--limits.images_per_second", "1")
        platform, other = server.client("platform"), server.client("other")
        for _ in range(10):
            platform.match.CheckHashes(hashes(1))
        with self.fails(EXHAUSTED, "RATE_LIMITED"):
            for _ in range(1000):
                platform.match.CheckHashes(hashes(1))
        with self.assertRaises(grpc.RpcError) as caught:
            platform.match.CheckHashes(hashes(10))
        self.assertGreater(wire.retry_seconds(caught.exception), 0)
        # Pictures are counted apart, and organisations.
        platform.check(picture("scene-1.png"))
        platform.check(picture("scene-1.png"))
        with self.fails(EXHAUSTED, "RATE_LIMITED"):
            for _ in range(1000):
                platform.check(picture("scene-1.png"))
        # More than two seconds' worth passes when nothing is owed, and is owed then.
        other.match.CheckHashes(hashes(100))
        with self.fails(EXHAUSTED, "RATE_LIMITED"):
            other.match.CheckHashes(hashes(1))

    def test_a_stream_is_slowed_down_and_not_refused(self):
        server = self.start("--limits.checks_per_second", "20")
        source = random.Random(1)
        asked = [match_pb2.StreamCheckRequest(
            id=str(i), hashes=match_pb2.HashedPicture(fingerprints=[random_pdq(source)]))
            for i in range(60)]
        answers = list(server.client("platform").match.StreamCheck(iter(asked)))
        self.assertEqual({a.id for a in answers}, {a.id for a in asked})
        self.assertTrue(all(a.verdict.outcome == Verdict.NO_MATCH for a in answers))
        # Every picture of a batch counts: this one is four seconds' worth.
        batch = match_pb2.HashedPictures(pictures=[
            match_pb2.HashedPicture(fingerprints=[random_pdq(source)]) for _ in range(100)])
        stream = server.client("other").match.StreamCheck(
            match_pb2.StreamCheckRequest(id=name, batch=batch) for name in ("first", "second"))
        answer = next(stream)
        self.assertEqual((answer.id, len(answer.verdicts.verdicts)), ("first", 100))
        with self.fails(EXHAUSTED, "RATE_LIMITED"):
            server.client("other").match.CheckHashes(hashes(1))
        stream.cancel()
        # What it owes is its organisation's.
        with self.fails(EXHAUSTED, "RATE_LIMITED"):
            for _ in range(1000):
                server.client("platform").match.CheckHashes(hashes(40))

    def test_a_stream_that_is_slowed_down_can_be_cancelled(self):
        server = self.start("--limits.checks_per_second", "1")
        source = random.Random(1)
        for _ in range(20):
            asked = (match_pb2.StreamCheckRequest(hashes=match_pb2.HashedPicture(
                fingerprints=[random_pdq(source)])) for _ in range(1000))
            stream = server.client("platform").match.StreamCheck(asked)
            next(stream)
            stream.cancel()
        self.assertEqual(server.stop(), 0)

    def test_an_organisation_has_a_bounded_number_of_streams(self):
        server = self.start("--limits.streams_per_organisation", "3")
        client = server.client("platform")
        more = threading.Event()
        self.addCleanup(more.set)

        def questions():
            yield match_pb2.StreamCheckRequest(id="first", image=b"")
            more.wait(harness.WAIT_SECONDS)
        streams = [client.match.StreamCheck(questions()) for _ in range(3)]
        for stream in streams:
            self.assertEqual(next(stream).id, "first")
        with self.fails(EXHAUSTED, "TOO_MANY_STREAMS"):
            list(client.match.StreamCheck(questions()))
        self.assertEqual(next(server.client("other").match.StreamCheck(questions())).id, "first")
        more.set()
        for stream in streams:
            self.assertEqual(list(stream), [])


class Busy(Overload):
    def test_what_would_wait_too_long_is_refused_and_the_rest_answered(self):
        server = self.start("--server.workers", "1", "--server.queue", "4")
        client = server.client("platform")
        request = match_pb2.CheckImageRequest(image=picture("scene-1-large.jpg"))
        ends = [reason_of(f) for f in self.futures(client, "CheckImage", request, 100)]
        self.assertLessEqual(set(ends), {None, (EXHAUSTED, "SERVER_BUSY")})
        self.assertGreater(ends.count(None), 0)
        self.assertGreater(ends.count((EXHAUSTED, "SERVER_BUSY")), 0)
        report("pictures refused of 100 at once", len(ends) - ends.count(None))
        refused = [f.exception() for f in self.futures(client, "CheckImage", request, 100)]
        delays = [wire.retry_seconds(e) for e in refused if e is not None]
        self.assertTrue(all(0.02 <= d <= 20 for d in delays), delays)
        self.assertGreater(len(set(delays)), 1, "spread out")
        # A stream of as many waits instead.
        asked = [match_pb2.StreamCheckRequest(id=str(i), image=request.image) for i in range(100)]
        answers = list(client.match.StreamCheck(iter(asked)))
        self.assertEqual(len(answers), 100)
        self.assertFalse([a.problem for a in answers if a.HasField("problem")])
        self.assertIn("refused calls=", server.log())

    def test_one_organisation_cannot_take_the_room_of_another(self):
        server = self.start("--server.workers", "1", "--server.queue", "8",
                            "--limits.max_wait_ms", "600000")
        greedy, modest = server.client("platform"), server.client("other")
        request = match_pb2.CheckImageRequest(image=picture("scene-1-large.jpg"))
        waiting = []
        answered = 0
        for _ in range(20):
            waiting += self.futures(greedy, "CheckImage", request, 20)
            self.assertEqual(modest.check(picture("scene-2.png")).outcome, Verdict.NO_MATCH)
            answered += 1
        refused = [reason_of(f) for f in waiting].count((EXHAUSTED, "SERVER_BUSY"))
        self.assertGreater(refused, 0)
        report("answers to one organisation while another was refused", f"{answered}, {refused}")

    def test_hashes_are_answered_while_pictures_fill_their_lane(self):
        server = self.start("--server.workers", "1", "--server.queue", "16")
        client = server.client("platform")
        request = match_pb2.CheckImageRequest(image=picture("scene-1-large.jpg"))
        refused = 0
        for _ in range(20):
            pictures = self.futures(client, "CheckImage", request, 40)
            ends = [reason_of(f) for f in self.futures(client, "CheckHashes", hashes(1), 4)]
            self.assertEqual(ends, [None] * 4)
            refused += sum(reason_of(f) is not None for f in pictures)
        self.assertGreater(refused, 0)
        report("hash checks answered beside refused pictures", f"80, {refused}")

    def test_work_whose_caller_gave_up_is_dropped(self):
        server = self.start("--server.workers", "1", "--log.level", "debug",
                            "--limits.max_wait_ms", "600000")
        client = server.client("platform")
        request = match_pb2.CheckImageRequest(image=picture("scene-1-large.jpg"))
        calls = self.futures(client, "CheckImage", request, 200)
        for call in calls[1:]:
            call.cancel()
        self.assertIsNone(reason_of(calls[0]))
        self.assertEqual(client.check(picture("scene-1.png")).outcome, Verdict.NO_MATCH)
        self.assertEqual(server.stop(), 0)
        dropped = server.log().count("method=CheckImage") - server.log().count("code=OK")
        self.assertGreater(dropped, 0)
        report("calls dropped of 199 that were cancelled", dropped)


class Connections(Overload):
    def connect(self, server):
        host, port = server.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout=harness.WAIT_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def rss_kib(self, server):
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    def assert_serves(self, client):
        self.assertEqual(client.check_hash(random_pdq(random.Random(3))).outcome, Verdict.NO_MATCH)

    def test_many_idle_connections(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        count = min(IDLE, most - 500)
        server = self.start()
        client = server.client("platform")
        self.assert_serves(client)
        before = self.rss_kib(server)
        for i in range(count):
            self.connect(server).sendall(PREFACE + SETTINGS)
            if i % 1000 == 0:
                self.assert_serves(client)
        self.assert_serves(client)
        # A new caller waits for its turn to be let in, behind all that came before.
        new = server.client("platform")
        grpc.channel_ready_future(new.channel).result(timeout=4 * harness.WAIT_SECONDS)
        self.assert_serves(new)
        each = (self.rss_kib(server) - before) / count
        report("idle connections, KiB each", f"{count}, {each:.1f}")
        self.assertLess(each, 100)

    def test_half_open_connections_are_closed(self):
        server = self.start("--limits.keepalive_seconds", "1")
        client = server.client("platform")
        broken = []
        for sent in (PREFACE + SETTINGS,  # answers no ping
                     PREFACE + SETTINGS + bytes([0, 0, 50, 1, 4]),  # half of a frame's header
                     PREFACE + SETTINGS + bytes([0, 0, 50, 1, 4, 0, 0, 0, 1]) + b"\x82"):
            for _ in range(50):
                connection = self.connect(server)
                connection.sendall(sent)
                broken.append(connection)
        for connection in broken:
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            self.assert_serves(client)
        report("half-open connections closed", len(broken))

    def test_what_is_no_http2_is_disconnected(self):
        server = self.start()
        client = server.client("platform")
        source = random.Random(4)
        for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + bytes(100),
                     PREFACE + source.randbytes(5000), source.randbytes(200)):
            connection = self.connect(server)
            connection.sendall(sent)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        self.assert_serves(client)

    def test_callers_that_do_not_read_hold_up_only_themselves(self):
        server = self.start()
        client = server.client("platform")
        taken = [0] * 10
        streams = []
        image = picture("scene-1.png")

        def questions(number):
            # Ids make the answers long.
            for _ in range(100_000):
                taken[number] += 1
                yield match_pb2.StreamCheckRequest(id="x" * 128, image=image)
        for number in range(len(taken)):
            stalled = server.client("platform")
            streams.append(stalled.match.StreamCheck(questions(number)))
        for _ in range(200):
            self.assert_serves(client)
        # Nothing was read of them, so they were not asked for all they had.
        self.assertLess(max(taken), 100_000)
        for stream in streams:
            stream.cancel()
        report("stalled readers", len(streams))

    def test_messages_that_are_too_large_are_refused(self):
        server = self.start("--limits.max_image_bytes", str(1 << 20))
        client = server.client("platform")
        request = match_pb2.CheckImageRequest(image=bytes(8 << 20))
        before = self.rss_kib(server)
        for _ in range(20):
            with self.assertRaises(grpc.RpcError) as caught:
                client.match.CheckImage(request)
            self.assertEqual(caught.exception.code(), EXHAUSTED)
            with self.assertRaises(grpc.RpcError) as caught:
                list(client.match.StreamCheck(
                    iter([match_pb2.StreamCheckRequest(image=request.image)])))
            self.assertEqual(caught.exception.code(), EXHAUSTED)
            self.assert_serves(client)
        grown = (self.rss_kib(server) - before) / 1024
        report("messages above the limit, MiB grown", f"40, {grown:.0f}")
        self.assertLess(grown, 64)

    def test_an_endless_stream_takes_no_more_than_its_window(self):
        server = self.start()
        client = server.client("platform")
        stop = threading.Event()
        self.addCleanup(stop.set)

        def questions():
            while not stop.is_set():
                yield match_pb2.StreamCheckRequest(image=b"x" * 100_000)
        stream = client.match.StreamCheck(questions())
        for _ in range(500):
            next(stream)
        before = self.rss_kib(server)
        other = server.client("other")
        for _ in range(2000):
            self.assertEqual(next(stream).verdict.outcome, Verdict.NOT_SCANNED)
        for _ in range(50):
            self.assert_serves(other)
        grown = (self.rss_kib(server) - before) / 1024
        stream.cancel()
        report("messages of an endless stream, MiB grown", f"2500, {grown:.0f}")
        self.assertLess(grown, 64)

    def test_messages_before_a_key_is_asked_for_are_bounded(self):
        server = self.start("--limits.grpc_memory_megabytes", "64")
        client = server.client("platform")
        before = self.rss_kib(server)
        stranger = server.client_with_key("vgk_wrong")
        request = match_pb2.CheckImageRequest(image=bytes(16 << 20))
        ends = [reason_of(f) for f in self.futures(stranger, "CheckImage", request, 40)]
        self.assert_serves(client)
        self.assertNotIn(None, ends)
        grown = (self.rss_kib(server) - before) / 1024
        report("messages of 16 MiB without a key, MiB grown", f"{len(ends)}, {grown:.0f}")
        self.assertLess(grown, 400)


if __name__ == "__main__":
    harness.main()
