"""Stopping and starting again under traffic: nothing is lost, nothing is answered wrong."""

import itertools
import random
import threading
import time

import grpc

import harness
import wire
from match_test import random_pdq
from vigie.v1 import lists_pb2, match_pb2
from vigie.v1.types_pb2 import Verdict

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
PRINCIPALS = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform")}
RESTARTS = 5


class Traffic:
    """Threads that ask until told to stop, again when the answer is UNAVAILABLE. Whatever else
    happens is in `wrong`."""

    def __init__(self, address, keys, known, unknown):
        self._address, self._keys = address, keys
        self._known, self._unknown = known, unknown
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answered = {"unary": 0, "stream": 0, "upload": 0, "watch": 0}
        self.again = 0
        self.wrong = []
        self.acknowledged = {}  # reference: entry name
        self._threads = [threading.Thread(target=self._work, args=[work, i]) for i, work in
                         enumerate((self._unary, self._unary, self._stream, self._upload,
                                    self._watch))]
        for thread in self._threads:
            thread.start()

    def _work(self, work, number):
        client = None
        while not self._stop.is_set():
            try:
                client = client or harness.Client(self._address, None)
                work(client, number)
            except grpc.RpcError as error:
                if error.code() != UNAVAILABLE:
                    self.wrong.append(error)
                    return
                with self._lock:
                    self.again += 1
                time.sleep(0.005)  # no storm: as clients do
            except Exception as error:  # pylint: disable=broad-except
                self.wrong.append(error)
                raise
        if client is not None:
            client.close()

    def _metadata(self, who):
        return [("authorization", f"Bearer {self._keys[who]}")]

    def _wait_for(self, slots):
        """False when it is over; a call that has ended waits for a slot that nobody gives."""
        while not slots.acquire(timeout=0.1):
            if self._stop.is_set():
                return False
        return not self._stop.is_set()

    def _question(self, i):
        fingerprint = (self._known, self._unknown)[i % 2]
        return [match_pb2.HashedPicture(fingerprints=[fingerprint])]

    def _judge(self, i, verdict):
        if verdict.outcome != (Verdict.MATCH, Verdict.NO_MATCH)[i % 2]:
            self.wrong.append(verdict)

    def _unary(self, client, number):
        for i in itertools.count(number):
            if self._stop.is_set():
                return
            answer = client.match._stub.CheckHashes(
                match_pb2.CheckHashesRequest(pictures=self._question(i)),
                metadata=self._metadata("platform"), timeout=harness.WAIT_SECONDS)
            self._judge(i, answer.verdicts[0])
            self.answered["unary"] += 1

    def _stream(self, client, _):
        slots = threading.Semaphore(8)

        def questions():
            for i in itertools.count():
                if not self._wait_for(slots):
                    return
                yield match_pb2.StreamCheckRequest(
                    id=str(i), hashes=match_pb2.HashedPicture(
                        fingerprints=self._question(i)[0].fingerprints))
        for answer in client.match._stub.StreamCheck(
                questions(), metadata=self._metadata("platform"), timeout=600):
            self._judge(int(answer.id), answer.verdict)
            self.answered["stream"] += 1
            slots.release()

    def _upload(self, client, _):
        source = random.Random()
        slots = threading.Semaphore(4)
        sent = []

        def messages():
            while True:
                if not self._wait_for(slots):
                    return
                reference = f"r-{source.getrandbits(64):x}"
                sent.append(reference)
                yield lists_pb2.UploadEntriesRequest(parent="lists/growing", entries=[
                    lists_pb2.Entry(fingerprints=[random_pdq(source)],
                                    external_reference=reference)])
        answers = client.lists._stub.UploadEntries(
            messages(), metadata=self._metadata("flagger"), timeout=600)
        for number, answer in enumerate(answers):
            [result] = answer.results
            self.acknowledged[sent[number]] = result.entry
            self.answered["upload"] += 1
            slots.release()

    def _watch(self, client, _):
        call = client.match._stub.Watch(match_pb2.WatchRequest(),
                                        metadata=self._metadata("platform"), timeout=600)
        for _ in call:
            self.answered["watch"] += 1
            if self._stop.is_set():
                call.cancel()
                return

    def go_on(self):
        """Waits until every kind was answered anew."""
        kinds = ("unary", "stream", "upload")
        before = dict(self.answered)
        harness.poll(lambda: self.wrong or all(self.answered[kind] > before[kind] + 5
                                               for kind in kinds),
                     f"answers of every kind: {before} {self.answered}")

    def close(self, server):
        self._stop.set()
        server.stop()  # ends the stream of changes
        for thread in self._threads:
            thread.join()


class Restart(harness.TestCase):
    def start(self, *flags, **options):
        server = harness.Server(*flags, **options)
        self.addCleanup(server.stop)
        return server

    def test_nothing_is_lost_over_restarts_on_the_same_port(self):
        server = self.start(principals=PRINCIPALS)
        keys, source = server.keys, random.Random(9)
        flagger = server.client("flagger")
        flagger.create_list("known")
        flagger.create_list("growing")
        known, unknown = random_pdq(source), random_pdq(source)
        flagger.upload("lists/known", [lists_pb2.Entry(fingerprints=[known])])
        flagger.close()
        traffic = Traffic(server.address, keys, known, unknown)
        stopped_s = []
        try:
            traffic.go_on()
            for _ in range(RESTARTS):
                begin = time.monotonic()
                server.signal()
                self.assertEqual(server.wait(), 0, server.log())
                stopped_s.append(time.monotonic() - begin)
                self.assertNotIn("broken off", server.log())
                server = self.start(data_dir=server.data_dir, listen=server.address)
                server.keys = keys
                traffic.go_on()
        finally:
            traffic.close(server)
        self.assertEqual(traffic.wrong, [])
        self.assertGreater(traffic.again, RESTARTS)
        print(f"answered {traffic.answered}, {traffic.again} asked again, stops took "
              f"{', '.join(f'{s:.2f}' for s in stopped_s)} s")
        again = self.start(data_dir=server.data_dir)
        again.keys = keys
        found = {entry.external_reference: entry.name
                 for entry in again.client("flagger").entries("lists/growing")}
        self.assertEqual({r: found.get(r) for r in traffic.acknowledged}, traffic.acknowledged)

    def test_idle_connections_do_not_keep_the_server(self):
        drain_ms = 60_000
        server = self.start("--server.drain_ms", str(drain_ms), principals=PRINCIPALS)
        clients = [server.client("platform") for _ in range(20)]
        for client in clients:
            client.check(b"")
        begin = time.monotonic()
        server.signal()
        self.assertEqual(server.wait(), 0)
        self.assertLess((time.monotonic() - begin) * 1000, drain_ms / 4)
        with self.assertRaises(grpc.RpcError) as caught:
            clients[0].check(b"")
        self.assertEqual(caught.exception.code(), UNAVAILABLE)

    def test_streams_are_told_to_end_after_what_is_in_flight(self):
        server = self.start("--server.drain_ms", "60000", principals=PRINCIPALS)
        flagger, platform = server.client("flagger"), server.client("platform")
        flagger.create_list("growing")
        never = threading.Event()
        source = random.Random(3)

        def held_open(messages):
            yield from messages
            never.wait(harness.WAIT_SECONDS)
        upload = flagger.lists.UploadEntries(held_open([lists_pb2.UploadEntriesRequest(
            parent="lists/growing", entries=[lists_pb2.Entry(fingerprints=[random_pdq(source)])])
            for _ in range(3)]))
        names = [next(upload).results[0].entry for _ in range(3)]
        asked = [match_pb2.StreamCheckRequest(id=str(i), image=b"") for i in range(3)]
        check = platform.match.StreamCheck(held_open(asked))
        for _ in range(3):
            next(check)
        watch = platform.match.Watch(match_pb2.WatchRequest())
        next(watch)
        server.signal()
        for stream in (upload, check, watch):
            with self.assertRaises(grpc.RpcError) as caught:
                for _ in stream:
                    pass
            self.assertEqual((caught.exception.code(), wire.error_reason(caught.exception)),
                             (UNAVAILABLE, "SERVER_STOPPING"))
        self.assertEqual(server.wait(), 0)
        never.set()
        again = self.start(data_dir=server.data_dir)
        again.keys = server.keys
        found = {entry.name for entry in again.client("flagger").entries("lists/growing")}
        self.assertEqual(found, set(names))


if __name__ == "__main__":
    harness.main()
