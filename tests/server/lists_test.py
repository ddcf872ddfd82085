"""ListService as a flagger meets it: lists, uploads, withdrawals, pages."""

import random

import grpc

import harness
from match_test import near, random_pdq
from vigie.v1 import lists_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict


def entries_of(source, count, prefix="picture"):
    return [lists_pb2.Entry(external_reference=f"{prefix} {i}", fingerprints=[random_pdq(source)])
            for i in range(count)]


def messages(parent, entries, size=500):
    """Upload messages of `size` entries each."""
    for at in range(0, len(entries), size):
        yield lists_pb2.UploadEntriesRequest(parent=parent, entries=entries[at:at + size])


class Lists(harness.ServerTest):
    """Making, reading, changing and deleting lists."""

    principals = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
                  "reader": ("collector", "trusted_flagger"), "victims": ("victims",
                                                                          "victim_service")}

    def test_a_new_list_has_what_was_asked_and_defaults_for_the_rest(self):
        made = self.flagger.create_list("plain")
        self.assertEqual((made.name, made.display_name, made.kind, made.category, made.action,
                          made.max_distance, made.provisional_hours, list(made.audience),
                          made.organisation),
                         ("lists/plain", "plain", lists_pb2.List.BLOCK, types_pb2.NCII,
                          types_pb2.BLOCK, 31, 720, [], "helpline"))
        self.assertGreater(made.create_time.seconds, 1_600_000_000)
        self.assertEqual(self.victims.create_list("short").provisional_hours, 72)
        made = self.flagger.create_list(
            "chosen", category=types_pb2.CSAM, display_name="Chosen é", max_distance=0,
            action=types_pb2.HOLD_FOR_REVIEW, provisional_hours=24, audience=["forum", "network"])
        self.assertEqual((made.display_name, made.max_distance, made.action,
                          made.provisional_hours, list(made.audience)),
                         ("Chosen é", 0, types_pb2.HOLD_FOR_REVIEW, 24, ["forum", "network"]))
        got = self.flagger.lists.GetList(lists_pb2.GetListRequest(name="lists/chosen"))
        self.assertEqual(got, made)

    def test_the_id_of_a_list_is_given_out_once(self):
        self.flagger.create_list("once")
        with self.fails(grpc.StatusCode.ALREADY_EXISTS, "LIST_EXISTS"):
            self.victims.create_list("once")
        self.flagger.lists.DeleteList(lists_pb2.DeleteListRequest(name="lists/once"))
        with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
            self.flagger.lists.GetList(lists_pb2.GetListRequest(name="lists/once"))
        with self.fails(grpc.StatusCode.ALREADY_EXISTS, "LIST_EXISTS"):
            self.flagger.create_list("once")

    def test_only_the_fields_of_the_mask_change(self):
        self.flagger.create_list("changing")
        changed = self.flagger.lists.UpdateList(lists_pb2.UpdateListRequest(
            list=lists_pb2.List(name="lists/changing", max_distance=10, display_name="ignored",
                                audience=["forum"]),
            update_mask={"paths": ["max_distance", "audience"]}))
        self.assertEqual((changed.max_distance, changed.display_name, list(changed.audience)),
                         (10, "changing", ["forum"]))
        fingerprint = random_pdq(random.Random(1))
        self.flagger.upload("lists/changing", [lists_pb2.Entry(fingerprints=[fingerprint])])
        self.assertEqual(self.platform.check_hash(near(fingerprint, 10)).outcome, Verdict.MATCH)
        self.assertEqual(self.platform.check_hash(near(fingerprint, 11)).outcome, Verdict.NO_MATCH)

    def test_a_deleted_list_stops_matching_at_once(self):
        self.flagger.create_list("going")
        fingerprint = random_pdq(random.Random(2))
        self.flagger.upload("lists/going", [lists_pb2.Entry(fingerprints=[fingerprint])])
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.MATCH)
        with self.fails(grpc.StatusCode.FAILED_PRECONDITION, "LIST_NOT_EMPTY"):
            self.flagger.lists.DeleteList(lists_pb2.DeleteListRequest(name="lists/going"))
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.MATCH)
        self.flagger.lists.DeleteList(
            lists_pb2.DeleteListRequest(name="lists/going", force=True))
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)

    def test_pages_of_lists_hold_each_own_list_once(self):
        made = [self.reader.create_list(f"page-{i:03}").name for i in range(57)]
        first = self.reader.lists.ListLists(lists_pb2.ListListsRequest())
        self.assertEqual(len(first.lists), 50)
        for size in (1, 7, 57, 1000):
            seen = []
            token = ""
            while True:
                page = self.reader.lists.ListLists(
                    lists_pb2.ListListsRequest(page_size=size, page_token=token))
                self.assertLessEqual(len(page.lists), size)
                seen += [each.name for each in page.lists]
                token = page.next_page_token
                if not token:
                    break
            self.assertEqual(seen, made)


class Uploads(harness.ServerTest):
    """UploadEntries and what becomes of the entries."""

    def test_thousands_of_entries_are_answered_in_order_and_match(self):
        self.flagger.create_list("thousands")
        entries = entries_of(random.Random(1), 5000)
        results = []
        revision = 0
        for response in self.flagger.lists.UploadEntries(messages("lists/thousands", entries)):
            # Equal, when the messages were committed together.
            self.assertGreaterEqual(response.revision, max(revision, 1))
            revision = response.revision
            results += response.results
        self.assertEqual([r.external_reference for r in results],
                         [e.external_reference for e in entries])
        self.assertTrue(all(r.created and r.state == types_pb2.PROVISIONAL for r in results))
        self.assertEqual(len({r.entry for r in results}), 5000)
        for i in range(0, 5000, 250):
            verdict = self.platform.check_hash(near(entries[i].fingerprints[0], 7))
            self.assertEqual(verdict.matches[0].entry, results[i].entry)
            self.assertEqual(verdict.matches[0].distance, 7)

        again = [result
                 for response in self.flagger.lists.UploadEntries(
                     messages("lists/thousands", entries))
                 for result in response.results]
        self.assertEqual([r.entry for r in again], [r.entry for r in results])
        self.assertFalse(any(r.created for r in again))
        self.assertEqual(len(self.flagger.entries("lists/thousands")), 5000)

    def test_an_upload_that_was_cut_is_completed_by_sending_everything_again(self):
        self.flagger.create_list("cut")
        entries = entries_of(random.Random(2), 4000)
        stream = self.flagger.lists.UploadEntries(messages("lists/cut", entries, 100))
        acknowledged = [*next(stream).results, *next(stream).results]
        stream.cancel()
        for result, entry in zip(acknowledged, entries):
            verdict = self.platform.check_hash(entry.fingerprints[0])
            self.assertEqual(verdict.matches[0].entry, result.entry)
        results = [result
                   for response in self.flagger.lists.UploadEntries(
                       messages("lists/cut", entries, 1000))
                   for result in response.results]
        self.assertEqual([r.entry for r in results[:200]], [r.entry for r in acknowledged])
        self.assertFalse(any(r.created for r in results[:200]))
        names = [entry.name for entry in self.flagger.entries("lists/cut")]
        self.assertEqual(sorted(names), sorted(r.entry for r in results))

    def test_a_bad_entry_is_a_problem_among_the_others(self):
        self.flagger.create_list("mixed")
        good = random_pdq(random.Random(3))
        entries = [
            lists_pb2.Entry(external_reference="good", fingerprints=[good]),
            lists_pb2.Entry(external_reference="short",
                            fingerprints=[{"algorithm": types_pb2.PDQ, "hex": "ab"}]),
            lists_pb2.Entry(external_reference="letters", fingerprints=[
                {"algorithm": types_pb2.PDQ, "hex": "g" * 64, "quality": 90}]),
            lists_pb2.Entry(external_reference="empty"),
            lists_pb2.Entry(external_reference="poor", fingerprints=[
                random_pdq(random.Random(4), quality=49)]),
            lists_pb2.Entry(external_reference="good", fingerprints=[random_pdq(random.Random(5))]),
            lists_pb2.Entry(external_reference="x" * 257, fingerprints=[good]),
            lists_pb2.Entry(external_reference="line\nend", fingerprints=[good]),
            lists_pb2.Entry(external_reference="number", fingerprints=[
                {"algorithm": 9, "hex": good.hex, "quality": 90}]),
            lists_pb2.Entry(external_reference="crowd", fingerprints=[good] * 65),
            lists_pb2.Entry(external_reference="quality", fingerprints=[
                {"algorithm": types_pb2.PDQ, "hex": good.hex, "quality": 101}]),
            lists_pb2.Entry(external_reference="subject", fingerprints=[good], subject=8),
            lists_pb2.Entry(external_reference="also good",
                            fingerprints=[random_pdq(random.Random(6))]),
        ]
        results = self.flagger.upload("lists/mixed", entries)
        self.assertEqual([r.problem.reason for r in results],
                         ["", "HASH_MALFORMED", "HASH_MALFORMED", "ENTRY_INVALID",
                          "QUALITY_TOO_LOW", "EXTERNAL_REFERENCE_CONFLICT", "ENTRY_INVALID",
                          "ENTRY_INVALID", "ENUM_INVALID", "ENTRY_INVALID", "HASH_MALFORMED",
                          "ENUM_INVALID", ""])
        self.assertEqual([r.external_reference for r in results],
                         [e.external_reference for e in entries])
        for result in results:
            self.assertEqual(bool(result.entry), not result.HasField("problem"))
            self.assert_no_hash(result, [good])
        self.assertEqual(sorted(e.external_reference for e in self.flagger.entries("lists/mixed")),
                         ["also good", "good"])

    def test_a_message_that_cannot_be_parsed_ends_the_upload_with_an_error(self):
        self.flagger.create_list("garbled")
        good = lists_pb2.UploadEntriesRequest(
            parent="lists/garbled", entries=entries_of(random.Random(12), 5)).SerializeToString()
        call = self.flagger.channel.stream_stream(
            "/vigie.v1.ListService/UploadEntries", request_serializer=bytes,
            response_deserializer=lists_pb2.UploadEntriesResponse.FromString)
        answered = []
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED"):
            answered.extend(call(iter([good, b"\xff\xff", good]), timeout=60,
                                 metadata=[("authorization", f"Bearer {self.flagger.key}")]))
        self.assertEqual(len(answered), 1)
        self.assertEqual(len(self.flagger.entries("lists/garbled")), 5)

    def test_messages_that_are_under_way_together_keep_their_order_and_share_no_fate(self):
        # One message names another list, one has a bad entry, one repeats an earlier reference.
        source = random.Random(31)
        for name in ("fast", "other"):
            self.flagger.create_list(name)
        entries = entries_of(source, 60)
        sent = list(messages("lists/fast", entries, 1))
        sent[20].parent = "lists/other"
        sent[30].entries[0].fingerprints[0].hex = "ab"
        sent[40].entries[0].CopyFrom(entries[10])
        sent[50].entries[0].external_reference = entries[10].external_reference
        answers = list(self.flagger.lists.UploadEntries(iter(sent)))
        self.assertEqual(len(answers), 60)
        results = [answer.results[0] for answer in answers]
        self.assertEqual([r.external_reference for r in results],
                         [m.entries[0].external_reference for m in sent])
        self.assertEqual({i: r.problem.reason for i, r in enumerate(results)
                          if r.HasField("problem")},
                         {30: "HASH_MALFORMED", 50: "EXTERNAL_REFERENCE_CONFLICT"})
        self.assertTrue(results[20].entry.startswith("lists/other/"))
        self.assertEqual((results[40].entry, results[40].created), (results[10].entry, False))
        self.assertEqual(sum(r.created for r in results), 57)
        revisions = [answer.revision for answer in answers]
        self.assertEqual(revisions, sorted(revisions))

    def test_nothing_is_done_after_the_message_that_ends_an_upload(self):
        source = random.Random(32)
        for round_number in range(5):
            parent = f"lists/ended-{round_number}"
            self.flagger.create_list(parent.removeprefix("lists/"))
            good = list(messages(parent, entries_of(source, 40), 1))
            late = list(messages(parent, entries_of(source, 20, "late"), 1))
            bad = lists_pb2.UploadEntriesRequest(parent="lists/nobody-has-this",
                                                 entries=entries_of(source, 1))
            answered = []
            with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
                answered.extend(self.flagger.lists.UploadEntries(iter([*good, bad, *late])))
            self.assertEqual(len(answered), 40)
            self.assertEqual(
                sorted(e.external_reference for e in self.flagger.entries(parent)),
                sorted(m.entries[0].external_reference for m in good))

    def test_an_entry_without_a_reference_is_recognised_again(self):
        self.flagger.create_list("unnamed")
        entry = lists_pb2.Entry(fingerprints=[random_pdq(random.Random(7))])
        [first] = self.flagger.upload("lists/unnamed", [entry])
        [second] = self.flagger.upload("lists/unnamed", [entry])
        self.assertEqual((first.entry, first.created), (second.entry, True))
        self.assertFalse(second.created)
        self.assert_no_hash(first, entry.fingerprints)

    def test_withdrawn_stays_withdrawn_when_everything_is_sent_again(self):
        self.flagger.create_list("regretted")
        entries = entries_of(random.Random(8), 10)
        results = self.flagger.upload("lists/regretted", entries)
        withdrawn = self.flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
            name=results[4].entry, reason="wrong picture"))
        self.assertEqual((withdrawn.name, withdrawn.state, withdrawn.reason),
                         (results[4].entry, types_pb2.WITHDRAWN, "wrong picture"))
        check = self.platform.check_hash
        self.assertEqual(check(entries[4].fingerprints[0]).outcome, Verdict.NO_MATCH)
        self.assertEqual(check(entries[5].fingerprints[0]).outcome, Verdict.MATCH)
        again = self.flagger.upload("lists/regretted", entries)
        self.assertEqual([r.state for r in again],
                         [types_pb2.WITHDRAWN if i == 4 else types_pb2.PROVISIONAL
                          for i in range(10)])
        self.assertEqual(check(entries[4].fingerprints[0]).outcome, Verdict.NO_MATCH)
        twice = self.flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
            name=results[4].entry, reason="another reason"))
        self.assertEqual(twice, withdrawn)

    def test_the_owner_alone_gets_fingerprints_and_only_when_asked(self):
        self.flagger.create_list("owned")
        source = random.Random(9)
        entry = lists_pb2.Entry(
            external_reference="full", fingerprints=[random_pdq(source), random_pdq(source)],
            subject=types_pb2.ADULT, jurisdiction="FR", legal_basis="226-2-1",
            case_reference="24/7")
        entry.fingerprints.add(algorithm=types_pb2.SHA1, hex="0a" * 20)
        [result] = self.flagger.upload("lists/owned", [entry])
        for view in (lists_pb2.ENTRY_VIEW_UNSPECIFIED, lists_pb2.BASIC):
            got = self.flagger.lists.GetEntry(
                lists_pb2.GetEntryRequest(name=result.entry, view=view))
            self.assertFalse(got.fingerprints)
            self.assert_no_hash(got, entry.fingerprints)
        got = self.flagger.lists.GetEntry(lists_pb2.GetEntryRequest(
            name=result.entry, view=lists_pb2.WITH_FINGERPRINTS))
        self.assertEqual([f.hex for f in got.fingerprints], [f.hex for f in entry.fingerprints])
        self.assertEqual((got.external_reference, got.state, got.subject, got.jurisdiction,
                          got.legal_basis, got.case_reference),
                         ("full", types_pb2.PROVISIONAL, types_pb2.ADULT, "FR", "226-2-1", "24/7"))
        self.assertEqual(got.expire_time, result.expire_time)
        self.assertGreater(got.expire_time.seconds, got.create_time.seconds + 719 * 3600)

    def test_pages_of_entries_hold_each_entry_once(self):
        self.flagger.create_list("paged")
        results = self.flagger.upload("lists/paged", entries_of(random.Random(10), 230))
        names = [r.entry for r in results]
        for size in (1, 50, 229, 230, 1000):
            self.assertEqual([e.name for e in self.flagger.entries("lists/paged", page_size=size)],
                             names)
        first = self.flagger.lists.ListEntries(
            lists_pb2.ListEntriesRequest(parent="lists/paged"))
        self.assertEqual(len(first.entries), 50)
        self.assertFalse(first.entries[0].fingerprints)
        with_values = self.flagger.entries("lists/paged", view=lists_pb2.WITH_FINGERPRINTS)
        self.assertTrue(all(len(e.fingerprints) == 1 for e in with_values))


if __name__ == "__main__":
    harness.main()
