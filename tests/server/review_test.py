"""Decisions about entries: the story of one that was wrong, who may do what, and what proves it."""

import hashlib
import json
import random
import sqlite3
import threading

import grpc

import harness
from match_test import random_pdq
from vigie.v1 import lists_pb2, review_pb2, types_pb2
from vigie.v1.review_pb2 import Event, SettleEntryRequest
from vigie.v1.types_pb2 import Verdict

UPHELD, REVERSED = SettleEntryRequest.UPHELD, SettleEntryRequest.REVERSED
PRINCIPALS = {
    "flagger": ("helpline", "trusted_flagger"), "victims": ("victims", "victim_service"),
    "platform": ("forum", "platform"), "elsewhere": ("elsewhere", "platform"),
    "ana": ("moderators", "reviewer"), "bo": ("moderators", "reviewer"),
    "own_reviewer": ("helpline", "reviewer"), "court": ("court", "authority"),
    "auditor": ("inspectors", "auditor"), "operator": ("host", "operator"),
    "other_flagger": ("others", "trusted_flagger")}


class ReviewTest(harness.ServerTest):
    """A server, all roles, and lists to decide about."""

    principals = PRINCIPALS

    def setUp(self):
        self.random = random.Random(self.id())
        self.list_name = "list-" + hashlib.sha256(self.id().encode()).hexdigest()[:12]

    def submit(self, client=None, **fields):
        """A new entry: its fingerprint and its name."""
        client = client or self.flagger
        parent = f"lists/{self.list_name}"
        try:
            client.create_list(self.list_name, **fields)
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.ALREADY_EXISTS)
        fingerprint = random_pdq(self.random)
        [result] = client.upload(parent, [lists_pb2.Entry(fingerprints=[fingerprint])])
        self.assertTrue(result.created, result)
        return fingerprint, result.entry

    def queue(self, client=None, **filters):
        request = review_pb2.ListReviewsRequest(parent=f"lists/{self.list_name}", page_size=3,
                                                **filters)
        found = []
        while True:
            page = (client or self.ana).reviews.ListReviews(request)
            found += page.outcomes
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


class Story(ReviewTest):
    """A report that was wrong, from its submission to its release."""

    def test_blocked_confirmed_contested_reversed_released(self):
        fingerprint, name = self.submit()
        verdict = self.platform.check_hash(fingerprint)
        self.assertEqual((verdict.action, verdict.matches[0].entry),
                         (types_pb2.PROVISIONAL_BLOCK, name))
        confirmed = self.ana.decide("ConfirmEntry", name, "Ana Lys", types_pb2.ILLEGAL_CONTENT)
        self.assertEqual(confirmed.state, types_pb2.CONFIRMED)
        self.assertEqual(self.platform.check_hash(fingerprint).action, types_pb2.BLOCK)
        contested = self.platform.decide("ContestEntry", name, reason=types_pb2.CONSENT_GIVEN)
        self.assertEqual(contested.state, types_pb2.CONTESTED)
        self.assertEqual(contested.deadline.seconds - contested.update_time.seconds, 7 * 86400)
        self.assertEqual(self.platform.check_hash(fingerprint).action, types_pb2.HOLD_FOR_REVIEW)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "DECIDED_BEFORE"):
            self.ana.settle(name, REVERSED, "Somebody Else", types_pb2.NOT_ILLEGAL)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "DECIDED_BEFORE"):
            self.bo.settle(name, REVERSED, "ana lys", types_pb2.NOT_ILLEGAL)
        reversed_ = self.bo.settle(name, REVERSED, "Bo Ek", types_pb2.NOT_ILLEGAL)
        self.assertEqual(reversed_.state, types_pb2.WITHDRAWN)
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)
        self.assertEqual([event.kind for event in reversed_.history],
                         [Event.SUBMISSION, Event.CONFIRMATION, Event.CONTEST, Event.REVERSAL])
        self.assertEqual([event.person for event in reversed_.history],
                         ["", "Ana Lys", "", "Bo Ek"])
        for message in (confirmed, contested, reversed_):
            self.assert_no_hash(message, [fingerprint])

    def test_the_owner_reads_what_became_of_it_and_a_platform_what_it_is(self):
        _, name = self.submit()
        self.ana.decide("RejectEntry", name, "Ana Lys", types_pb2.NOT_ILLEGAL, note="a beach",
                        case_reference="R 7")
        own = self.flagger.outcome(name)
        self.assertEqual((own.state, own.reason, own.note, own.case_reference),
                         (types_pb2.REJECTED, types_pb2.NOT_ILLEGAL, "a beach", "R 7"))
        self.assertEqual([event.organisation for event in own.history], ["helpline", "moderators"])
        self.assertEqual({event.person for event in own.history}, {""}, "persons stay inside")
        seen = self.platform.outcome(name)
        self.assertEqual((seen.state, seen.reason), (types_pb2.REJECTED, types_pb2.NOT_ILLEGAL))
        self.assertEqual((seen.note, seen.case_reference, seen.external_reference,
                          list(seen.history)), ("", "", "", []))

    def test_a_court_confirms_and_later_revokes(self):
        fingerprint, name = self.submit()
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "CASE_REFERENCE_REQUIRED"):
            self.court.decide("ConfirmEntry", name, "Judge Roy", types_pb2.COURT_ORDER)
        self.court.decide("ConfirmEntry", name, "Judge Roy", types_pb2.COURT_ORDER,
                          case_reference="24/1")
        revoked = self.court.decide("RevokeEntry", name, "Judge Roy",
                                    types_pb2.PROCEEDINGS_CLOSED, case_reference="24/1")
        self.assertEqual(revoked.state, types_pb2.REVOKED)
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)

    def test_a_renewal_is_counted_and_prolongs(self):
        _, name = self.submit()
        before = self.flagger.outcome(name)
        renewed = self.flagger.decide("RenewEntry", name)
        self.assertEqual(renewed.renewals, 1)
        self.assertGreaterEqual(renewed.expire_time.seconds, before.expire_time.seconds)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "CASE_REFERENCE_REQUIRED"):
            self.flagger.decide("RenewEntry", name)
        self.assertEqual(self.flagger.decide("RenewEntry", name, case_reference="1").renewals, 2)

    def test_an_erased_entry_is_gone_but_for_its_history(self):
        fingerprint, name = self.submit()
        self.flagger.decide("EraseEntry", name, "Dee Po", types_pb2.DATA_PROTECTION)
        entry = self.flagger.lists.GetEntry(lists_pb2.GetEntryRequest(
            name=name, view=lists_pb2.WITH_FINGERPRINTS))
        self.assertEqual((entry.state, list(entry.fingerprints)), (types_pb2.ERASED, []))
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)
        self.assertEqual(len(self.flagger.outcome(name).history), 2)
        value = bytes.fromhex(fingerprint.hex)
        for path in self.server.data_dir.rglob("*"):
            if path.is_file():
                self.assertNotIn(value, path.read_bytes(), path.name)

    def test_a_reviewer_may_withdraw_and_an_owner_ends_a_contest_only_by_name(self):
        _, name = self.submit()
        self.platform.decide("ContestEntry", name, reason=types_pb2.WRONG_PICTURE)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "PERSON_REQUIRED"):
            self.flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(name=name))
        withdrawn = self.flagger.lists.WithdrawEntry(
            lists_pb2.WithdrawEntryRequest(name=name, person="Dee Po"))
        self.assertEqual(withdrawn.state, types_pb2.WITHDRAWN)
        _, name = self.submit()
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "REASON_REQUIRED"):
            self.ana.lists.WithdrawEntry(
                lists_pb2.WithdrawEntryRequest(name=name, person="Ana Lys"))
        self.ana.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
            name=name, person="Ana Lys", reason_code=types_pb2.WRONG_PICTURE))


class Rules(ReviewTest):
    """Who is refused, and how."""

    def test_a_decision_needs_a_person_and_a_reason(self):
        _, name = self.submit()
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "PERSON_REQUIRED"):
            self.ana.decide("ConfirmEntry", name, "", types_pb2.ILLEGAL_CONTENT)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "REASON_REQUIRED"):
            self.ana.decide("ConfirmEntry", name, "Ana Lys")
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENUM_INVALID"):
            self.ana.decide("ConfirmEntry", name, "Ana Lys", types_pb2.TIME_OVER)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENUM_INVALID"):
            self.ana.decide("ConfirmEntry", name, "Ana Lys", 99)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENUM_INVALID"):
            self.ana.settle(name, 0, "Ana Lys", types_pb2.NOT_ILLEGAL)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENTRY_INVALID"):
            self.ana.decide("ConfirmEntry", name, "A" * 257, types_pb2.ILLEGAL_CONTENT)
        self.assertEqual(self.flagger.outcome(name).state, types_pb2.PROVISIONAL)

    def test_who_submitted_does_not_decide(self):
        _, name = self.submit()
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "OWN_SUBMISSION"):
            self.own_reviewer.decide("ConfirmEntry", name, "Cy", types_pb2.ILLEGAL_CONTENT)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.flagger.decide("ConfirmEntry", name, "Dee", types_pb2.ILLEGAL_CONTENT)

    def test_an_illegal_step_is_refused(self):
        _, name = self.submit()
        with self.fails(grpc.StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
            self.ana.settle(name, UPHELD, "Ana Lys", types_pb2.ILLEGAL_CONTENT)

    def test_every_method_hides_what_the_caller_may_not_know(self):
        _, name = self.submit(audience=["forum"])
        nothing = "lists/there-is-none/entries/" + name.rsplit("/", 1)[1]
        methods = ["ContestEntry", "RenewEntry", "EraseEntry"]
        probes = [(self.other_flagger, methods), (self.victims, methods),
                  (self.elsewhere, ["ContestEntry"])]
        checked = 0
        for client, allowed in probes:
            for target in (name, nothing):
                for method in allowed:
                    with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
                        client.decide(method, target, "Eve", types_pb2.OTHER_REASON)
                    checked += 1
                with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
                    client.outcome(target)
                checked += 1
        self.assertEqual(checked, 20)
        for target in (name, nothing):
            with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
                self.operator.decide("EraseEntry", target, "Eve", types_pb2.OTHER_REASON)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.auditor.outcome(name)
        self.assertEqual(self.platform.outcome(name).state, types_pb2.PROVISIONAL)

    def test_one_of_two_decisions_wins_and_the_other_is_told(self):
        for _ in range(10):
            _, name = self.submit()
            revision = self.ana.outcome(name).revision
            told = []

            def decide(client, method, person):
                try:
                    client.decide(method, name, person, types_pb2.OTHER_REASON, revision=revision)
                    told.append("done")
                except grpc.RpcError as error:
                    told.append(error.code())
            threads = [threading.Thread(target=decide, args=args) for args in
                       [(self.ana, "ConfirmEntry", "Ana Lys"), (self.bo, "RejectEntry", "Bo Ek")]]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertCountEqual(told, ["done", grpc.StatusCode.ABORTED])


class Queue(ReviewTest):
    """What waits for a decision."""

    def test_is_oldest_deadline_first_with_filters_and_pages(self):
        names = [self.submit()[1] for _ in range(8)]
        self.flagger.decide("RenewEntry", names[0])
        self.ana.decide("ConfirmEntry", names[1], "Ana Lys", types_pb2.OTHER_REASON)
        self.ana.decide("RejectEntry", names[2], "Ana Lys", types_pb2.OTHER_REASON)
        self.ana.decide("ConfirmEntry", names[3], "Ana Lys", types_pb2.OTHER_REASON)
        self.platform.decide("ContestEntry", names[3], reason=types_pb2.OTHER_REASON)
        self.platform.decide("ContestEntry", names[4], reason=types_pb2.OTHER_REASON)
        waiting = self.queue()
        self.assertCountEqual([outcome.name for outcome in waiting],
                              [names[0], *names[3:]])
        self.assertEqual(waiting[0].name, names[3], "a contest is due in days, a block in weeks")
        deadlines = [outcome.deadline.ToNanoseconds() for outcome in waiting]
        self.assertEqual(deadlines, sorted(deadlines))
        self.assertCountEqual([o.name for o in self.queue(state=types_pb2.CONTESTED)], names[3:5])
        self.assertEqual(len(self.queue(category=types_pb2.NCII)), 6)
        self.assertEqual(self.queue(category=types_pb2.CSAM), [])
        self.assertEqual(len(self.queue(client=self.court)), 6)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENUM_INVALID"):
            self.queue(state=types_pb2.CONFIRMED)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
            self.ana.reviews.ListReviews(review_pb2.ListReviewsRequest(page_token="a" * 52))
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.queue(client=self.flagger)


class Commands(ReviewTest):
    """`vigie review` and `vigie audit`."""

    def run_ok(self, name, *arguments):
        done = self.server.run(name, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def audit(self, *arguments):
        return harness.run("audit", *arguments, "--data_dir", self.server.data_dir)

    def test_review_decides_and_audit_proves_it(self):
        fingerprint, name = self.submit()
        listed = [json.loads(line)["name"] for line in
                  self.run_ok("ana", "review", "list", "--list", self.list_name).splitlines()]
        self.assertEqual(listed, [name])
        self.run_ok("ana", "review", "confirm", name, "--person", "Ana Lys", "--reason",
                    "illegal_content")
        self.run_ok("platform", "review", "contest", name, "--reason", "consent_given")
        refused = self.server.run("ana", "review", "reverse", name, "--person", "Ana Lys",
                                  "--reason", "not_illegal")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("DECIDED_BEFORE", refused.stderr)
        self.run_ok("bo", "review", "reverse", name, "--person", "Bo Ek", "--reason",
                    "not_illegal")
        shown = json.loads(self.run_ok("flagger", "review", "show", name))
        self.assertEqual(shown["state"], "WITHDRAWN")
        wrong = self.server.run("ana", "review", "confirm", name, "--reason", "because")
        self.assertEqual(wrong.returncode, 2)

        verified = self.audit("verify")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assertTrue(json.loads(verified.stdout)["sound"])
        bundle = self.audit("export", name)
        self.assertEqual(bundle.returncode, 0, bundle.stderr)
        self.check_bundle([json.loads(line) for line in bundle.stdout.splitlines()])
        self.assertNotIn(fingerprint.hex, bundle.stdout)

    def check_bundle(self, lines):
        self.assertEqual(lines[0]["type"], "case")
        self.assertEqual(lines[1]["type"], "before")
        digest = bytes.fromhex(lines[1]["digest"])
        kinds = []
        for number, line in enumerate(lines[2:], start=lines[1]["number"] + 1):
            if line["type"] == "head":
                self.assertEqual(bytes.fromhex(line["digest"]), digest)
                continue
            self.assertEqual(line["number"], number)
            digest = hashlib.sha256(digest + bytes.fromhex(line["content"])).digest()
            if line["type"] == "event":
                self.assertEqual(bytes.fromhex(line["digest"]), digest)
                self.assertEqual(content_of(line), bytes.fromhex(line["content"]))
                kinds.append(line["kind"])
        self.assertEqual(kinds, ["entry_submitted", "entry_confirmed", "entry_contested",
                                 "entry_reversed"])


STATES = ["", "submitted", "provisional", "confirmed", "contested", "rejected", "expired",
          "withdrawn", "revoked", "erased"]
ROLES = ["", "platform", "victim_service", "trusted_flagger", "authority", "reviewer", "auditor",
         "operator"]
KINDS = {"entry_submitted": 7, "entry_confirmed": 101, "entry_contested": 103,
         "entry_reversed": 105}
REASONS = {"none": 0, "illegal_content": 1, "not_illegal": 3, "consent_given": 5}


def content_of(event):
    """The digest of an event's content, from its text alone."""
    def number(value):
        return value.to_bytes(8, "little")

    def text(value):
        return number(len(value.encode())) + value.encode()
    return hashlib.sha256(
        b"vigie-event-1" + number(event["number"]) + number(event["time_us"])
        + number(KINDS[event["kind"]]) + number(event["list"]) + number(event["entry"])
        + number(event["last_entry"]) + number(STATES.index(event["from"] or ""))
        + number(STATES.index(event["to"] or "")) + text(event["organisation"])
        + number(ROLES.index(event["role"] or "")) + text(event["key_id"])
        + text(event["person"]) + number(REASONS[event["reason"]]) + text(event["legal_basis"])
        + text(event["case_reference"]) + number(event["revision"])).digest()


class Tampering(harness.TestCase):
    """`vigie audit verify` on a database that somebody has changed."""

    def test_an_edit_and_a_cut_are_found(self):
        server = harness.Server(principals=PRINCIPALS)
        flagger = server.client("flagger")
        flagger.create_list("known")
        flagger.upload("lists/known", [lists_pb2.Entry(
            fingerprints=[random_pdq(random.Random(i))]) for i in range(3)])
        self.assertEqual(server.stop(), 0)

        def audit(*arguments):
            return harness.run("audit", *arguments, "--data_dir", server.data_dir)
        verified = json.loads(audit("verify").stdout)
        self.assertEqual(verified["signed_until"], verified["events"], "signed at the stop")
        kept = harness.new_folder() / "head.json"
        kept.write_text(audit("head").stdout)
        self.assertEqual(audit("verify", "--head", kept).returncode, 0)

        def tamper(sql):
            with sqlite3.connect(server.data_dir / "vigie.db") as database:
                database.executescript(sql)
            database.close()
            found = audit("verify", "--head", kept)
            self.assertEqual(found.returncode, 3)
            self.assertIn("CHAIN_BROKEN", found.stderr)
        tamper("UPDATE events SET organisation='nobody' WHERE kind=7")
        tamper("UPDATE events SET organisation='helpline' WHERE kind=7;"
               "DELETE FROM events WHERE number=(SELECT max(number) FROM events);"
               "DELETE FROM event_heads")


if __name__ == "__main__":
    harness.main()
