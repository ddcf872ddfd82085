"""What follows a verdict: the stream that tells a platform to release, feedback, suspension, and
what the owner of an entry reads of it. The first test prints the seed's story as a transcript."""

import contextlib
import json
import queue
import signal
import threading

import grpc

import harness
from match_test import near, random_pdq
from review_test import PRINCIPALS, REVERSED, ReviewTest
from vigie.v1 import lists_pb2, match_pb2, review_pb2, types_pb2
from vigie.v1.review_pb2 import Event, GiveFeedbackRequest, Outcome
from vigie.v1.types_pb2 import Verdict


class Stream:
    """A Watch() that is read beside the test."""

    def __init__(self, client, after=0):
        self.call = client.match.Watch(match_pb2.WatchRequest(after_revision=after))
        self.revision = after
        self.error = None
        self._messages = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.next() is not None, self.error  # it says at once how far it is

    def _read(self):
        try:
            for message in self.call:
                self._messages.put(message)
        except grpc.RpcError as error:
            self.error = error
        self._messages.put(None)

    def next(self):
        message = self._messages.get(timeout=harness.WAIT_SECONDS)
        if message is not None:
            self.revision = message.revision
        return message

    def change_of(self, name):
        """The next change, which is of the entry `name`."""
        while True:
            message = self.next()
            assert message is not None, self.error
            if message.changes:
                [change] = message.changes
                assert change.entry == name, (change, name)
                return change

    def end(self):
        self.call.cancel()
        self._thread.join(harness.WAIT_SECONDS)


class Seed(ReviewTest):
    """The story that the program was asked for."""

    def say(self, line):
        print(f"    {line}", flush=True)

    def audit(self):
        done = harness.run("audit", "verify", "--data_dir", self.server.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertTrue(report["sound"])
        return f"sound, {report['events']} events"

    def test_blocked_for_a_time_confirmed_contested_reversed_released_and_proven(self):
        print("\n  the story, as it happened:")
        stream = Stream(self.platform)
        fingerprint, name = self.submit()
        self.say("helpline (trusted flagger) submits a picture by its hash")
        verdict = self.platform.check_hash(near(fingerprint, 12))
        self.assertEqual(verdict.action, types_pb2.PROVISIONAL_BLOCK)
        self.assertTrue(verdict.matches[0].HasField("expire_time"))
        self.say("forum (platform) checks an altered copy, 12 bits away: "
                 f"{types_pb2.Action.Name(verdict.action)}, until "
                 f"{verdict.matches[0].expire_time.ToJsonString()}")
        self.ana.decide("ConfirmEntry", name, "Ana Lys", types_pb2.ILLEGAL_CONTENT)
        change = stream.change_of(name)
        self.assertEqual((change.state, change.action, change.release),
                         (types_pb2.CONFIRMED, types_pb2.BLOCK, False))
        self.say("Ana Lys (reviewer) confirms; the watch stream says: "
                 f"{types_pb2.EntryState.Name(change.state)}, {types_pb2.Action.Name(change.action)}")
        self.platform.decide("ContestEntry", name, reason=types_pb2.CONSENT_GIVEN)
        change = stream.change_of(name)
        self.assertEqual((change.state, change.action, change.release),
                         (types_pb2.CONTESTED, types_pb2.HOLD_FOR_REVIEW, False))
        self.say("the uploader contests through the forum; the watch stream says: "
                 f"{types_pb2.EntryState.Name(change.state)}, "
                 f"{types_pb2.Action.Name(change.action)}")
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "DECIDED_BEFORE"):
            self.ana.settle(name, REVERSED, "Ana Lys", types_pb2.NOT_ILLEGAL)
        self.say("Ana Lys may not settle it: she has decided before")
        self.bo.settle(name, REVERSED, "Bo Ek", types_pb2.NOT_ILLEGAL)
        change = stream.change_of(name)
        self.assertEqual((change.state, change.action, change.release, change.reason),
                         (types_pb2.WITHDRAWN, 0, True, types_pb2.NOT_ILLEGAL))
        self.say("Bo Ek (another reviewer) reverses; the watch stream says: "
                 f"{types_pb2.EntryState.Name(change.state)}, release")
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)
        self.say("forum checks the picture again: NO_MATCH")
        outcome = self.flagger.outcome(name)
        self.assertEqual(outcome.uploads.provisionally_blocked, 1)
        self.assertEqual(outcome.uploads.platforms, 1)
        self.assertEqual(outcome.clock, Outcome.KEPT)
        self.say("helpline reads: reversed because NOT_ILLEGAL; blocked 1 upload on 1 platform; "
                 "decided within 48 hours")
        self.say(f"vigie audit verify: {self.audit()}")
        stream.end()


class Watch(ReviewTest):
    """Who is told what, and that nothing is lost."""

    def test_a_stream_goes_on_from_where_it_was_also_after_a_crash(self):
        server = harness.Server(principals=PRINCIPALS)
        flagger, platform = server.client("flagger"), server.client("platform")
        flagger.create_list("kept")
        names = []
        for _ in range(3):
            fingerprint = random_pdq(self.random)
            [result] = flagger.upload("lists/kept", [
                harness.lists_pb2.Entry(fingerprints=[fingerprint])])
            names.append(result.entry)
            platform.check_hash(fingerprint)
        stream = Stream(platform)
        withdraw = harness.lists_pb2.WithdrawEntryRequest
        flagger.lists.WithdrawEntry(withdraw(name=names[0]))
        self.assertEqual(stream.change_of(names[0]).state, types_pb2.WITHDRAWN)
        after = stream.revision
        stream.end()
        flagger.lists.WithdrawEntry(withdraw(name=names[1]))
        server.signal(signal.SIGKILL)
        server.wait()
        again = harness.Server(data_dir=server.data_dir)
        again.keys = server.keys
        flagger, platform = again.client("flagger"), again.client("platform")
        resumed = match_pb2.WatchRequest(after_revision=after)
        first = next(iter(platform.match.Watch(resumed)))
        self.assertEqual([change.entry for change in first.changes], [names[1]])
        stream = Stream(platform, after=first.revision)
        flagger.lists.WithdrawEntry(withdraw(name=names[2]))
        self.assertTrue(stream.change_of(names[2]).release)
        self.assertEqual(again.stop(), 0, again.log())

    def test_only_who_was_told_of_an_entry_is_told_of_its_end(self):
        told, silent = Stream(self.platform), Stream(self.elsewhere)
        fingerprint, name = self.submit()
        self.platform.check_hash(fingerprint)
        self.flagger.lists.WithdrawEntry(harness.lists_pb2.WithdrawEntryRequest(name=name))
        self.assertEqual(told.change_of(name).state, types_pb2.WITHDRAWN)
        fingerprint, other = self.submit()
        self.elsewhere.check_hash(fingerprint)
        self.flagger.lists.WithdrawEntry(harness.lists_pb2.WithdrawEntryRequest(name=other))
        self.assertEqual(silent.change_of(other).state, types_pb2.WITHDRAWN)  # and nothing before
        told.end()
        silent.end()

    def test_a_deleted_list_releases(self):
        stream = Stream(self.platform)
        fingerprint, name = self.submit()
        self.platform.check_hash(fingerprint)
        self.flagger.lists.DeleteList(harness.lists_pb2.DeleteListRequest(
            name=f"lists/{self.list_name}", force=True))
        change = stream.change_of(name)
        self.assertEqual((change.action, change.release), (0, True))
        stream.end()

    def test_a_stopping_server_ends_its_streams_with_unavailable(self):
        server = harness.Server(principals=PRINCIPALS)
        stream = Stream(server.client("platform"))
        server.signal()
        self.assertIsNone(stream.next())
        self.assertEqual(stream.error.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(harness.wire.error_reason(stream.error), "SERVER_STOPPING")
        self.assertEqual(server.stop(), 0, server.log())

    def test_a_revoked_key_ends_its_stream(self):
        key = harness.make_key(self.server.data_dir, "gone", "platform")
        stream = Stream(self.server.client_with_key(key))
        harness.run("key", "revoke", "--data_dir", self.server.data_dir, key.split("_")[1])
        fingerprint, _ = self.submit()  # something happens
        self.platform.check_hash(fingerprint)
        while stream.next() is not None:
            pass
        self.assertEqual(harness.wire.error_reason(stream.error), "KEY_REVOKED")

    def test_an_organisation_has_a_bounded_number_of_streams(self):
        key = harness.make_key(self.server.data_dir, "many", "platform")
        client = self.server.client_with_key(key)
        streams = [Stream(client) for _ in range(16)]
        call = client.match.Watch(match_pb2.WatchRequest())
        with self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS"):
            next(iter(call))
        streams.pop().end()
        harness.poll(lambda: self.opens(client), "a place that became free is given out")
        for stream in streams:
            stream.end()

    def opens(self, client):
        call = client.match.Watch(match_pb2.WatchRequest())
        try:
            next(iter(call))
        except grpc.RpcError:
            return False
        call.cancel()
        return True

    def test_the_command_prints_changes_and_keeps_where_it_is(self):
        fingerprint, name = self.submit()
        self.platform.check_hash(fingerprint)
        self.flagger.lists.WithdrawEntry(harness.lists_pb2.WithdrawEntryRequest(name=name))
        state = harness.new_folder() / "state"
        done = self.server.run("platform", "watch", "--once", "--state", state)
        self.assertEqual(done.returncode, 0, done.stderr)
        changes = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([change["release"] for change in changes if change["entry"] == name],
                         [True])
        done = self.server.run("platform", "watch", "--once", "--state", state)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        done = self.server.run("flagger", "watch", "--once")
        self.assertEqual(done.returncode, 3)
        self.assertIn("ROLE_NOT_ALLOWED", done.stderr)


class Feedback(ReviewTest):
    """What a platform says of a match."""

    def give(self, client, name, upload, finding, release=False):
        client.reviews.GiveFeedback(GiveFeedbackRequest(name=name, upload=upload, finding=finding,
                                                        release=release))

    def test_a_false_positive_releases_this_upload_here_and_nothing_else(self):
        fingerprint, name = self.submit()
        verdict = self.platform.check_hash(fingerprint)
        copy = near(fingerprint, 3)
        self.assertNotEqual(self.platform.check_hash(copy).upload, verdict.upload)
        self.give(self.platform, name, verdict.upload, GiveFeedbackRequest.FALSE_POSITIVE, True)
        again = self.platform.check_hash(fingerprint)
        self.assertEqual(again.upload, verdict.upload)
        self.assertEqual((again.action, again.basis),
                         (types_pb2.REPORT_ONLY, Verdict.RELEASED_BY_FEEDBACK))
        self.assertEqual(self.platform.check_hash(copy).action, types_pb2.PROVISIONAL_BLOCK)
        self.assertEqual(self.elsewhere.check_hash(fingerprint).action,
                         types_pb2.PROVISIONAL_BLOCK)
        outcome = self.flagger.outcome(name)
        self.assertEqual((outcome.true_positives, outcome.false_positives), (0, 1))
        self.assert_no_hash(again, [fingerprint])
        self.give(self.platform, name, verdict.upload, GiveFeedbackRequest.TRUE_POSITIVE)
        self.assertEqual(self.platform.check_hash(fingerprint).action,
                         types_pb2.PROVISIONAL_BLOCK)
        outcome = self.flagger.outcome(name)
        self.assertEqual((outcome.true_positives, outcome.false_positives), (1, 0))

    def test_what_is_refused(self):
        fingerprint, name = self.submit(audience=["forum"])
        true = GiveFeedbackRequest.TRUE_POSITIVE
        other, _ = self.submit()
        upload = self.platform.check_hash(other).upload
        with self.fails(grpc.StatusCode.FAILED_PRECONDITION, "NOT_MATCHED"):
            self.give(self.platform, name, upload, true)
        upload = self.platform.check_hash(fingerprint).upload
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "FEEDBACK_INVALID"):
            self.give(self.platform, name, upload, true, release=True)
        for bad in ("", "a", "a" * 39, upload[:-1], upload + "a", "!" * 39):
            with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "FEEDBACK_INVALID"):
                self.give(self.platform, name, bad, true)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENUM_INVALID"):
            self.give(self.platform, name, upload, 0)
        with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
            self.give(self.elsewhere, name, upload, true)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.give(self.flagger, name, upload, true)

    def test_a_record_says_how_submissions_fared_to_whom_it_concerns(self):
        key = harness.make_key(self.server.data_dir, "newcomers", "trusted_flagger")
        newcomer = self.server.client_with_key(key)

        def works():
            with contextlib.suppress(grpc.RpcError):
                return newcomer.lists.ListLists(lists_pb2.ListListsRequest()) is not None
        harness.poll(works, "the key works")
        names = [self.submit(newcomer)[1] for _ in range(4)]
        for name in names[:3]:
            self.ana.decide("ConfirmEntry", name, "Ana Lys", types_pb2.ILLEGAL_CONTENT)
        self.ana.decide("RejectEntry", names[3], "Ana Lys", types_pb2.NOT_ILLEGAL)
        request = review_pb2.GetSubmitterRecordRequest(organisation="newcomers")
        for client in (newcomer, self.ana, self.court, self.auditor, self.operator):
            record = client.reviews.GetSubmitterRecord(request)
            self.assertEqual((record.submitted, record.found_right, record.found_wrong,
                              record.precision), (4, 3, 1, 0.75))
        with self.fails(grpc.StatusCode.NOT_FOUND, "ORGANISATION_NOT_FOUND"):
            self.flagger.reviews.GetSubmitterRecord(request)
        with self.fails(grpc.StatusCode.NOT_FOUND, "ORGANISATION_NOT_FOUND"):
            self.ana.reviews.GetSubmitterRecord(
                review_pb2.GetSubmitterRecordRequest(organisation="nobody"))
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.platform.reviews.GetSubmitterRecord(request)
        done = self.server.run("ana", "review", "record", "newcomers")
        self.assertEqual(json.loads(done.stdout)["precision"], 0.75, done.stderr)


class Related(ReviewTest):
    """What else is known of a picture is for those who decide."""

    def test_reviewers_see_the_same_picture_of_other_organisations(self):
        fingerprint, name = self.submit()
        self.other_flagger.create_list(self.list_name + "-other")
        [result] = self.other_flagger.upload(f"lists/{self.list_name}-other", [
            harness.lists_pb2.Entry(fingerprints=[near(fingerprint, 4)])])
        self.operator.create_list(self.list_name + "-fine", kind=harness.lists_pb2.List.ALLOW)
        self.operator.upload(f"lists/{self.list_name}-fine", [
            harness.lists_pb2.Entry(fingerprints=[near(fingerprint, 20)])])
        for client in (self.ana, self.court):
            related = client.outcome(name).related
            self.assertEqual([(r.organisation, r.allow, r.distance) for r in related],
                             [("others", False, 4), ("host", True, 20)])
            self.assertEqual(related[0].entry, result.entry)
        for client in (self.flagger, self.platform):
            self.assertEqual(list(client.outcome(name).related), [])


class Suspension(ReviewTest):
    """An entry that acts less than its state says, until somebody has looked."""

    flags = ("--guards.match_rate_uploads", "5")

    def test_an_operator_switches_off_and_a_reviewer_on(self):
        fingerprint, name = self.submit()
        self.assertEqual(self.platform.check_hash(fingerprint).action,
                         types_pb2.PROVISIONAL_BLOCK)
        stream = Stream(self.platform)
        outcome = self.operator.decide("SuspendEntry", name, "Op Era",
                                       types_pb2.WRONG_PICTURE)
        self.assertEqual((outcome.state, outcome.suspension),
                         (types_pb2.PROVISIONAL, types_pb2.SWITCHED_OFF))
        self.assertEqual(outcome.external_reference, "", "an operator reads what it is, not more")
        verdict = self.platform.check_hash(fingerprint)
        self.assertEqual((verdict.outcome, verdict.action, verdict.basis),
                         (Verdict.MATCH, types_pb2.REPORT_ONLY, Verdict.SUSPENDED_ENTRY))
        change = stream.change_of(name)
        self.assertEqual((change.suspension, change.release), (types_pb2.SWITCHED_OFF, True))
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED"):
            self.operator.decide("ResumeEntry", name, "Op Era", types_pb2.OTHER_REASON)
        self.ana.decide("ResumeEntry", name, "Ana Lys", types_pb2.ILLEGAL_CONTENT)
        self.assertFalse(stream.change_of(name).release)
        self.assertEqual(self.platform.check_hash(fingerprint).action,
                         types_pb2.PROVISIONAL_BLOCK)
        history = [event.kind for event in self.ana.outcome(name).history]
        self.assertEqual(history, [Event.SUBMISSION, Event.SUSPENSION, Event.RESUMPTION])
        stream.end()

    def test_an_entry_that_matches_too_many_different_uploads_is_held(self):
        fingerprint, name = self.submit()
        for bits in range(5):
            verdict = self.platform.check_hash(near(fingerprint, bits))
            self.assertEqual(verdict.action, types_pb2.PROVISIONAL_BLOCK)
        self.platform.check_hash(near(fingerprint, 5))
        verdict = self.platform.check_hash(near(fingerprint, 5))
        self.assertEqual((verdict.action, verdict.basis),
                         (types_pb2.HOLD_FOR_REVIEW, Verdict.SUSPENDED_ENTRY))
        outcome = self.ana.outcome(name)
        self.assertEqual(outcome.suspension, types_pb2.MATCH_RATE)
        self.assertEqual((outcome.history[-1].kind, outcome.history[-1].reason),
                         (Event.SUSPENSION, types_pb2.TOO_MANY_MATCHES))
        self.assertEqual(outcome.history[-1].organisation, "", "nobody did it")
        self.ana.decide("ConfirmEntry", name, "Ana Lys", types_pb2.ILLEGAL_CONTENT)
        for bits in range(10):
            verdict = self.platform.check_hash(near(fingerprint, bits))
            self.assertEqual(verdict.action, types_pb2.BLOCK, "somebody has looked")


if __name__ == "__main__":
    harness.main()
