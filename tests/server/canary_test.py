"""The canary: the server finds its own picture, nobody else knows of it, and health says when it does
not."""

import contextlib
import pathlib
import random
import sqlite3
import threading

import grpc

import harness
from decoder_test import kill_spawner
from harness import picture
from lifecycle_test import NOT_SERVING, SERVING, health
from match_test import random_pdq
from metrics_test import samples
from vigie.v1 import audit_pb2, lists_pb2, match_pb2, review_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

ON = ("--canary.interval_seconds", "1")
LIST = "lists/vigie:canary"
PRINCIPALS = {role: (f"org-{role.replace('_', '-')}", role)
              for role in ("platform", "victim_service", "trusted_flagger", "authority", "reviewer",
                           "auditor", "operator")}


def rounds(server, result="passed"):
    return samples(server)[("vigie_canary_rounds_total", (("result", result),))]


@contextlib.contextmanager
def database(server):
    """The server's database, also while it runs."""
    connection = sqlite3.connect(pathlib.Path(server.data_dir) / "vigie.db", timeout=30)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def set_values(server, rows):
    harness.edit_database(server.data_dir, "".join(
        f"UPDATE fingerprints SET value = x'{value.hex()}' WHERE row = {row};"
        for row, value in rows))


class Canary(harness.TestCase):
    def start(self, *flags, **options):
        server = harness.Server(*(flags or ON), principals=PRINCIPALS, **options)
        self.addCleanup(server.stop)
        return server

    def test_it_is_found_and_leaves_no_trace(self):
        server = self.start()
        harness.poll(lambda: rounds(server) >= 3, "three rounds")
        now = samples(server)
        self.assertEqual(now[("vigie_canary_passing", ())], 1)
        self.assertEqual(now[("vigie_canary_distance_bits", ())], 0)
        self.assertEqual(rounds(server, "failed"), 0)
        for outcome in ("match", "no_match", "not_scanned"):
            self.assertEqual(now[("vigie_verdicts_total", (("outcome", outcome),))], 0)
        auditor = server.client("auditor")
        events = auditor.audit.ListEvents(audit_pb2.ListEventsRequest()).events
        made = [event for event in events if "canary" in str(event)]
        self.assertEqual(len(made), 2, events)  # the list and the entry, once
        self.assertEqual({event.event.organisation for event in made}, {""})
        counters = auditor.audit.GetCounters(audit_pb2.GetCountersRequest())
        self.assertNotIn("vigie:", str(counters))
        self.assertEqual(server.stop(), 0)
        # The next start finds it there.
        again = self.start(data_dir=server.data_dir)
        harness.poll(lambda: rounds(again) >= 1, "a round")
        with database(again) as rows:
            self.assertEqual(rows.execute("SELECT count(*) FROM entries").fetchone(), (1,))
        self.assertEqual(health(again.client(None)), SERVING)

    def test_nobody_learns_of_it(self):
        server = self.start()
        harness.poll(lambda: rounds(server) >= 1, "a round")
        for role in PRINCIPALS:
            client = server.client(role)
            for name in (LIST, "lists/vigie:nothing"):
                answers = []
                for probe in (
                        lambda: client.lists.GetList(lists_pb2.GetListRequest(name=name)),
                        lambda: client.entries(name),
                        lambda: client.reviews.ListReviews(
                            review_pb2.ListReviewsRequest(parent=name)),
                        lambda: client.create_list(name.removeprefix("lists/")),
                        lambda: client.lists.DeleteList(
                            lists_pb2.DeleteListRequest(name=name, force=True)),
                        lambda: client.check(picture("scene-1.png"), lists=[name]),
                        lambda: client.outcome(f"{name}/entries/{'a' * 26}"),
                        lambda: client.reviews.GetSubmitterRecord(
                            review_pb2.GetSubmitterRecordRequest(organisation="vigie:server"))):
                    try:
                        answers.append(str(probe()))
                    except grpc.RpcError as error:
                        answers.append((error.code(), error.details()))
                if name == LIST:
                    expected = answers
            self.assertEqual(answers, expected, role)
        for flags in (("--org", "vigie:server"), ("--org", "vigie:canary")):
            made = harness.run("key", "create", "--data_dir", server.data_dir, *flags, "--role",
                               "platform")
            self.assertEqual(made.returncode, 2, made.stdout)

    def test_a_canary_that_is_gone_is_seen(self):
        server = self.start()
        harness.poll(lambda: rounds(server) >= 1, "a round")
        self.assertEqual(server.stop(), 0)
        harness.edit_database(server.data_dir, "UPDATE entries SET state = 7")  # withdrawn
        broken = self.start(data_dir=server.data_dir)
        harness.poll(lambda: health(broken.client(None)) == NOT_SERVING, "health says NOT_SERVING")
        code, text = broken.get("/healthz")
        self.assertEqual(code, 503)
        self.assertIn("CANARY_FAILED", text)
        self.assertIn("did not find its own picture", broken.log())
        self.assertEqual(samples(broken)[("vigie_serving", ())], 0)
        # It answers all the same: health is for those who choose where to send uploads.
        broken.keys = server.keys
        self.assertEqual(broken.client("platform").check(b"").outcome, Verdict.NOT_SCANNED)
        self.assertEqual(broken.stop(), 0)

    def test_an_index_that_differs_from_the_database_is_seen_until_it_does_not(self):
        server = self.start()
        flagger = server.client("trusted_flagger")
        flagger.create_list("known")
        source = random.Random(3)
        flagger.upload("lists/known", [lists_pb2.Entry(fingerprints=[random_pdq(source)])
                                       for _ in range(20)])
        harness.poll(lambda: rounds(server) >= 1, "a round")
        monitor = server.client(None)
        self.assertEqual(health(monitor), SERVING)
        with database(server) as rows:
            before = rows.execute("SELECT row, value FROM fingerprints WHERE entry IN"
                                  " (SELECT number FROM entries WHERE submitter != '')").fetchall()
            self.assertEqual(len(before), 20)
        set_values(server, [(row, bytes(byte ^ 0xff for byte in value)) for row, value in before])
        harness.poll(lambda: health(monitor) == NOT_SERVING, "health says NOT_SERVING")
        code, text = server.get("/healthz")
        self.assertEqual((code, "INDEX_INCOMPLETE" in text), (503, True), text)
        self.assertNotIn("SERVING\n", text)
        set_values(server, before)
        harness.poll(lambda: health(monitor) == SERVING, "health says SERVING")
        self.assertEqual(server.get("/healthz")[0], 200)
        self.assertIn("found again", server.log())

    def test_decoders_that_die_at_once_are_seen_until_they_live(self):
        server = self.start()
        harness.poll(lambda: rounds(server) >= 1, "a round")
        monitor = server.client(None)
        self.assertEqual(health(monitor), SERVING)
        live = threading.Event()

        def kill_all():
            while not live.is_set():
                kill_spawner(server)

        killer = threading.Thread(target=kill_all)
        killer.start()
        try:
            harness.poll(lambda: health(monitor) == NOT_SERVING, "health says NOT_SERVING")
            code, text = server.get("/healthz")
            self.assertEqual((code, "CANARY_FAILED" in text), (503, True), text)
            verdict = server.client("platform").check(picture("scene-1.png"))
            self.assertEqual((verdict.outcome, verdict.not_scanned),
                             (Verdict.NOT_SCANNED, Verdict.DECODER_FAILED))
        finally:
            live.set()
            killer.join()
        harness.poll(lambda: health(monitor) == SERVING, "health says SERVING")
        verdict = server.client("platform").check(picture("scene-1.png"))
        self.assertEqual(verdict.outcome, Verdict.NO_MATCH)

    def test_draining_is_not_overridden(self):
        server = self.start(*ON, "--server.drain_notice_ms", "3000")
        harness.poll(lambda: rounds(server) >= 1, "a round")
        monitor = server.client(None)
        server.signal()
        harness.poll(lambda: health(monitor) == NOT_SERVING, "health says NOT_SERVING")
        passed = rounds(server)
        harness.poll(lambda: rounds(server) > passed, "the canary goes on")
        self.assertEqual(health(monitor), NOT_SERVING)
        code, text = server.get("/healthz")
        self.assertEqual((code, "DRAINING" in text), (503, True))
        self.assertEqual(server.wait(), 0)

    def test_off_it_adds_nothing(self):
        server = self.start("--canary.interval_seconds", "0")
        self.assertNotIn(("vigie_canary_passing", ()), samples(server))
        with database(server) as rows:
            self.assertEqual(rows.execute("SELECT count(*) FROM lists").fetchone(), (0,))


if __name__ == "__main__":
    harness.main()
