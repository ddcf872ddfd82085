"""Health, reflection, the way a server stops, and a data folder's one server."""

import pathlib
import random
import signal
import threading

import grpc

import harness
import wire
from harness import picture
from match_test import random_pdq
from vigie.v1 import lists_pb2, match_pb2
from vigie.v1.types_pb2 import Verdict

SERVING, NOT_SERVING = 1, 2
NOTICE_MS = 1500


def raw(channel, kind, method):
    """A call that takes and gives bytes."""
    return getattr(channel, kind)(method, request_serializer=bytes, response_deserializer=bytes)


def health(client, service=""):
    """The status that grpc.health.v1 reports."""
    answer = raw(client.channel, "unary_unary", "/grpc.health.v1.Health/Check")(
        wire.field(1, service.encode()), timeout=harness.WAIT_SECONDS)
    return wire.fields(answer).get(1, [0])[0]


class Running(harness.ServerTest):
    """What monitors and tools ask of a running server. No key is needed for it."""

    def test_health_says_serving(self):
        self.assertEqual(health(self.server.client(None)), SERVING)
        with self.assertRaises(grpc.RpcError) as caught:
            health(self.server.client(None), "no.such.Service")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_reflection_lists_the_services_where_it_is_switched_on(self):
        def ask(server):
            call = raw(server.client(None).channel, "stream_stream",
                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
            return list(call(iter([wire.field(7, b"*")]), timeout=harness.WAIT_SECONDS))

        with self.assertRaises(grpc.RpcError) as caught:
            ask(self.server)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        trying = harness.Server("--reflection", "true")
        self.addCleanup(trying.stop)
        [answer] = ask(trying)
        [services] = wire.fields(answer)[6]
        names = {wire.fields(each)[1][0].decode() for each in wire.fields(services)[1]}
        self.assertLessEqual({"vigie.v1.MatchService", "vigie.v1.ListService",
                              "grpc.health.v1.Health"}, names)

    def test_a_second_server_on_the_same_folder_is_refused(self):
        second = harness.run("serve", "--listen", "127.0.0.1:0", "--data_dir",
                             self.server.data_dir)
        self.assertEqual(second.returncode, 3)
        self.assertIn("(DATA_DIR_IN_USE)", second.stderr)
        self.assertNotIn("ready", second.stdout)
        self.assertEqual(self.platform.check(b"").outcome, Verdict.NOT_SCANNED)

    def test_a_port_that_is_taken_is_refused(self):
        second = harness.run("serve", "--listen", self.server.address, "--data_dir",
                             harness.new_folder())
        self.assertEqual(second.returncode, 3)
        self.assertIn("(LISTEN_FAILED)", second.stderr)

    def test_the_data_folder_is_for_its_owner_only(self):
        self.assertEqual(self.server.data_dir.stat().st_mode & 0o777, 0o700)
        for path in pathlib.Path(self.server.data_dir).iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)


class Stopping(harness.TestCase):
    """Each test stops a server of its own."""

    principals = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform")}

    def start(self, *flags, **options):
        server = harness.Server(*flags, principals=self.principals, **options)
        self.addCleanup(server.stop)
        return server

    def test_sigterm_is_announced_while_requests_are_still_answered(self):
        server = self.start("--server.drain_notice_ms", str(NOTICE_MS))
        client = server.client("platform")
        monitor = server.client(None)
        self.assertEqual(health(monitor), SERVING)
        more = threading.Event()
        asked = [match_pb2.StreamCheckRequest(id=str(i), image=picture("scene-1.png"))
                 for i in range(2)]

        def questions():
            yield asked[0]
            more.wait(harness.WAIT_SECONDS)
            yield asked[1]
        stream = client.match.StreamCheck(questions())
        self.assertEqual(next(stream).id, "0")

        server.signal(signal.SIGTERM)
        harness.poll(lambda: health(monitor) == NOT_SERVING, "health says NOT_SERVING")
        # The notice has just begun: new requests are answered, and so is the open stream.
        new = server.client("platform")
        self.assertEqual(new.check(picture("scene-1.png")).outcome, Verdict.NO_MATCH)
        more.set()
        self.assertEqual([answer.id for answer in stream], ["1"])
        self.assertEqual(stream.code(), grpc.StatusCode.OK)
        self.assertEqual(server.wait(), 0)
        self.assertIn("stopped", server.log())

    def test_requests_in_flight_are_finished_and_new_ones_are_refused(self):
        server = self.start()
        client = server.client("platform")
        never = threading.Event()
        asked = [match_pb2.StreamCheckRequest(id=str(i), image=picture("scene-1.png"))
                 for i in range(100)]

        def questions():
            yield from asked
            never.wait(harness.WAIT_SECONDS)
        stream = client.match.StreamCheck(questions())
        answers = [next(stream).verdict]
        server.signal(signal.SIGTERM)
        with self.fails(grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING"):
            for answer in stream:
                answers.append(answer.verdict)
        never.set()
        # What it had read was answered: more than one was in flight.
        self.assertEqual({each.outcome for each in answers}, {Verdict.NO_MATCH})
        self.assertEqual(server.wait(), 0)
        self.assertNotIn("broken off", server.log())
        with self.assertRaises(grpc.RpcError) as caught:
            client.check(b"")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_a_stream_that_never_ends_does_not_keep_the_server(self):
        server = self.start("--server.drain_ms", "200")
        never = threading.Event()

        def questions():
            yield match_pb2.StreamCheckRequest(id="one", image=picture("scene-1.png"))
            never.wait(harness.WAIT_SECONDS)
        stream = server.client("platform").match.StreamCheck(questions())
        next(stream)
        server.signal(signal.SIGTERM)
        with self.assertRaises(grpc.RpcError):
            list(stream)
        never.set()
        self.assertEqual(server.wait(), 0)

    def test_it_stops_soundly_under_load(self):
        for _ in range(3):
            server = self.start("--server.drain_ms", "100", "--log.level", "debug")
            clients = [server.client("platform") for _ in range(4)]
            stop = threading.Event()

            def work(client):
                asked = [match_pb2.StreamCheckRequest(id="q", image=picture("scene-1-same.jpg"))]
                while not stop.is_set():
                    try:
                        client.check(picture("scene-1.png"))
                        list(client.match.StreamCheck(iter(asked * 50)))
                    except grpc.RpcError:
                        stop.wait(0.01)
            threads = [threading.Thread(target=work, args=[client]) for client in clients]
            for thread in threads:
                thread.start()
            harness.poll(lambda: server.log().count("StreamCheck") > 4, "the load is on")
            server.signal()
            code = server.process.wait(timeout=harness.WAIT_SECONDS)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(code, 0, server.log())

    def test_what_was_acknowledged_is_there_after_a_restart(self):
        server = self.start()
        flagger = server.client("flagger")
        fingerprints = flagger.hash_image(picture("scene-1.png"))
        flagger.create_list("kept")
        [result] = flagger.upload("lists/kept", [{"fingerprints": fingerprints}])
        before = flagger.entries("lists/kept", view=2)
        self.assertEqual(server.stop(), 0)
        again = self.start(data_dir=server.data_dir)
        again.keys = server.keys
        verdict = again.client("platform").check(picture("scene-1-small.jpg"))
        self.assertEqual(verdict.matches[0].entry, result.entry)
        self.assertEqual(again.client("flagger").entries("lists/kept", view=2), before)
        self.assertEqual(again.stop(), 0)

    def test_a_stop_leaves_a_checkpoint_for_the_next_start(self):
        server = self.start()
        flagger = server.client("flagger")
        flagger.create_list("many")
        source = random.Random(5)
        hashes = [random_pdq(source) for _ in range(1200)]
        entries = [lists_pb2.Entry(fingerprints=[each]) for each in hashes]
        results = [*flagger.upload("lists/many", entries[:600]),
                   *flagger.upload("lists/many", entries[600:])]
        self.assertEqual(server.stop(), 0)
        self.assertIn("no checkpoint yet", server.log())
        self.assertIn("wrote a checkpoint", server.log())
        folder = server.data_dir / "checkpoint"
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        for path in folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

        def start_again(expected_log, *flags):
            again = self.start(*flags, data_dir=server.data_dir)
            again.keys = server.keys
            platform = again.client("platform")
            for i in (0, 599, 600, 1199):
                verdict = platform.check_hash(hashes[i])
                self.assertEqual(verdict.matches[0].entry, results[i].entry)
            self.assertEqual(again.stop(), 0)
            self.assertIn(expected_log, again.log())
        start_again("1200 fingerprints from the checkpoint")
        [facts] = folder.glob("*.facts")
        facts.write_bytes(facts.read_bytes()[:-100])
        start_again("the checkpoint is of no use")
        start_again("1200 fingerprints from the checkpoint")
        start_again("serving", "--index.checkpoint", "false")
        self.assertEqual(list(folder.glob("*.facts")), [], "it would keep what is erased later")
        start_again("1200 fingerprints from the database")

    def test_interrupt_stops_it_too(self):
        server = self.start()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    harness.main()
