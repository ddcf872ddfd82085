"""What auditors read over the API: events, the signed head, counters."""

import json
import random

import grpc

import harness
from match_test import random_pdq
from vigie.v1 import audit_pb2, lists_pb2, review_pb2, types_pb2

Event = review_pb2.Event
NOTE = "what somebody wrote about Zoe"


class Audit(harness.ServerTest):
    """One server on which something of everything was done."""

    principals = {"auditor": ("cour-des-comptes", "auditor"), "operator": ("host", "operator"),
                  "flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
                  "reviewer": ("moderators", "reviewer"), "court": ("court", "authority")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = random.Random(7)
        cls.hashes = [random_pdq(source) for _ in range(6)]
        entries = [lists_pb2.Entry(fingerprints=[each]) for each in cls.hashes]
        cls.flagger.create_list("known")
        cls.flagger.create_list("gone")
        cls.names = [r.entry for r in cls.flagger.upload("lists/known", entries[:3])]
        cls.flagger.upload("lists/gone", entries[3:4])
        cls.flagger.lists.DeleteList(lists_pb2.DeleteListRequest(name="lists/gone", force=True))
        cls.reviewer.decide("ConfirmEntry", cls.names[0], "Ana Lys", types_pb2.ILLEGAL_CONTENT,
                            note=NOTE, legal_basis="art. 1", case_reference="24/7")
        cls.platform.decide("ContestEntry", cls.names[0], "", types_pb2.WRONG_PICTURE, note=NOTE)
        cls.flagger.decide("EraseEntry", cls.names[1], "Bo Ek", types_pb2.DATA_PROTECTION)
        cls.court.create_list("orders")
        for undecided in (False, True):
            entry = entries[4 + undecided]
            entry.case_reference = "24/8"
            entry.until_decided = undecided
            [result] = cls.court.upload("lists/orders", [entry])
            assert result.state == (types_pb2.PROVISIONAL if undecided else types_pb2.CONFIRMED)
        key_id = cls.server.keys["platform"].split("_")[1]
        done = harness.run("key", "rotate", key_id, "--overlap_hours", "1", "--data_dir",
                           cls.server.data_dir)
        assert done.returncode == 0, done.stderr

    def events(self, page_size=1000, after=0):
        found = []
        while True:
            page = self.auditor.audit.ListEvents(audit_pb2.ListEventsRequest(
                after=after, page_size=page_size)).events
            found.extend(page)
            if len(page) < page_size:
                return found
            after = page[-1].event.number

    def test_every_event_is_told_once_in_order_with_who_did_it(self):
        events = self.events()
        self.assertEqual([e.event.number for e in events], list(range(1, len(events) + 1)))
        self.assertEqual(events[0].event.kind, Event.GENESIS)
        kinds = [e.event.kind for e in events]
        for kind, count in ((Event.KEY_CREATION, 7), (Event.ORGANISATION_CHANGE, 1),
                            (Event.LIST_CREATION, 3), (Event.LIST_DELETION, 1),
                            (Event.SUBMISSION, 4), (Event.CONFIRMATION, 1), (Event.CONTEST, 1),
                            (Event.ERASURE, 1), (Event.KEY_END_SET, 1)):
            self.assertEqual(kinds.count(kind), count, Event.Kind.Name(kind))
        confirmed = events[kinds.index(Event.CONFIRMATION)]
        self.assertEqual((confirmed.list, confirmed.entry, confirmed.event.person, confirmed.role,
                          confirmed.key_id, confirmed.event.organisation,
                          confirmed.event.legal_basis, confirmed.event.case_reference),
                         ("lists/known", self.names[0], "Ana Lys", "reviewer",
                          self.server.keys["reviewer"].split("_")[1], "moderators", "art. 1",
                          "24/7"))
        submitted = events[kinds.index(Event.SUBMISSION)]
        self.assertEqual((submitted.entry, submitted.entries), (self.names[0], 3))
        deleted = events[kinds.index(Event.LIST_DELETION)]
        self.assertEqual((deleted.list, deleted.entry), ("lists/gone", ""))
        changed = events[kinds.index(Event.ORGANISATION_CHANGE)]
        self.assertEqual((changed.event.organisation, changed.event.legal_basis, changed.role),
                         ("helpline", "test: all", ""))

    def test_pages_of_any_size_make_the_whole(self):
        whole = self.events()
        for size in (1, 2, 3, len(whole)):
            self.assertEqual(self.events(size), whole)
        self.assertEqual(self.events(5, after=whole[3].event.number), whole[4:])
        for after in (whole[-1].event.number, 1 << 62, (1 << 64) - 1):
            self.assertEqual(self.events(after=after), [])
        for size in (-1, 1001):
            with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "OUT_OF_RANGE"):
                self.auditor.audit.ListEvents(audit_pb2.ListEventsRequest(page_size=size))

    def test_no_event_holds_a_hash_a_secret_or_free_text(self):
        secrets = [key.split("_")[2] for key in self.server.keys.values()]
        for event in self.events():
            self.assert_no_hash(event, self.hashes)
            text = str(event)
            self.assertNotIn(NOTE, text)
            self.assertFalse([secret for secret in secrets if secret in text])

    def test_the_head_can_be_kept_and_proves_the_events(self):
        def head():
            try:
                return self.operator.audit.GetHead(audit_pb2.GetHeadRequest())
            except grpc.RpcError as error:
                self.assertEqual(harness.wire.error_reason(error), "HEAD_NOT_FOUND")
                return None
        kept = harness.poll(head, "a head is signed")
        self.assertEqual(self.auditor.audit.GetHead(audit_pb2.GetHeadRequest()).database,
                         kept.database)
        self.assertEqual(self.events()[kept.number - 1].digest, kept.digest)
        file = harness.new_folder() / "head.json"
        fields = {name: getattr(kept, name) for name in ("number", "digest", "time_us",
                                                         "public_key", "signature")}
        file.write_text(json.dumps(fields))
        verify = ("audit", "verify", "--data_dir", self.server.data_dir, "--head", file,
                  "--public-key", kept.public_key)
        done = harness.run(*verify)
        self.assertEqual(done.returncode, 0, done.stderr)
        file.write_text(json.dumps({**fields, "digest": "00" * 32}))
        self.assertEqual(harness.run(*verify).returncode, 3)

    def test_counters_are_of_what_there_is_now(self):
        counters = self.auditor.audit.GetCounters(audit_pb2.GetCountersRequest())

        def states(of):
            return {types_pb2.EntryState.Name(s.state): s.entries for s in of.states}
        self.assertEqual(states(counters), {"CONTESTED": 1, "ERASED": 1, "PROVISIONAL": 2,
                                            "CONFIRMED": 1})
        self.assertEqual((counters.lists, counters.entries), (2, 5))
        self.assertEqual([(o.organisation, o.lists, o.entries, states(o))
                          for o in counters.organisations],
                         [("court", 1, 2, {"CONFIRMED": 1, "PROVISIONAL": 1}),
                          ("helpline", 1, 3, {"CONTESTED": 1, "ERASED": 1, "PROVISIONAL": 1})])
        self.assertGreater(counters.revision, 0)

    def test_the_command_prints_events(self):
        done = self.server.run("auditor", "audit", "events", "--after", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["event"]["number"] for line in lines],
                         [str(e.event.number) for e in self.events(after=1)])
        done = self.server.run("flagger", "audit", "events")
        self.assertEqual((done.returncode, "(ROLE_NOT_ALLOWED)" in done.stderr), (3, True))

    def test_what_a_court_has_not_decided_does_not_outrank_an_allow_list(self):
        self.operator.create_list("harmless", kind=lists_pb2.List.ALLOW)
        self.operator.upload("lists/harmless", [lists_pb2.Entry(fingerprints=[each])
                                                for each in self.hashes[4:]])
        decided, undecided = (self.platform.check_hash(each) for each in self.hashes[4:])
        self.assertEqual(decided.outcome, types_pb2.Verdict.MATCH)
        self.assertEqual(decided.action, types_pb2.BLOCK)
        self.assertEqual(undecided.basis, types_pb2.Verdict.ALLOW_LISTED)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.operator.audit.ListEvents(audit_pb2.ListEventsRequest())
        entry = lists_pb2.Entry(fingerprints=[self.hashes[5]], until_decided=True)
        [result] = self.flagger.upload("lists/known", [entry])
        self.assertEqual(result.problem.reason, "ENTRY_INVALID")


if __name__ == "__main__":
    harness.main()
