"""What a submitter is told of its new entries, and dry runs."""

import json
import random
import time

import harness
from match_test import near, random_pdq
from vigie.v1 import lists_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict
from vigie.v1.lists_pb2 import Notice


class Notices(harness.ServerTest):
    principals = {
        "flagger": ("helpline", "trusted_flagger"),
        "rival": ("collector", "trusted_flagger"),
        "platform": ("forum", "platform"),
        "operator": ("operations", "operator"),
        "reviewer": ("jury", "reviewer"),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = random.Random(17)
        cls.harmless = random_pdq(cls.source)
        cls.operator.create_list("harmless", kind=lists_pb2.List.ALLOW)
        cls.operator.upload("lists/harmless", [lists_pb2.Entry(fingerprints=[cls.harmless])])
        for name in ("known", "second"):
            cls.flagger.create_list(name)
        cls.rival.create_list("others")

    def submit(self, fingerprint, parent="lists/known", client=None):
        [result] = (client or self.flagger).upload(
            parent, [lists_pb2.Entry(fingerprints=[fingerprint])])
        self.assertTrue(result.created, result)
        return result

    def test_a_conflict_with_an_allow_list_is_told_and_seen_by_reviewers(self):
        fingerprint = near(self.harmless, 12)
        result = self.submit(fingerprint)
        [notice] = result.notices
        self.assertEqual((notice.code, notice.entry, notice.distance),
                         (Notice.ALLOW_CONFLICT, "", 0))
        self.assertNotIn("operations", str(result))
        self.assertNotIn("lists/harmless", str(result))
        verdict = self.platform.check_hash(fingerprint)
        self.assertEqual(verdict.basis, Verdict.ALLOW_LISTED)
        outcome = self.reviewer.reviews.GetOutcome(
            harness.review_pb2.GetOutcomeRequest(name=result.entry))
        self.assertEqual([event.kind for event in outcome.history],
                         [harness.review_pb2.Event.SUBMISSION,
                          harness.review_pb2.Event.ALLOW_CONFLICT])
        done = harness.run("audit", "verify", "--data_dir", self.server.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_duplicate_in_another_list_is_named_to_its_own_organisation_only(self):
        fingerprint = random_pdq(self.source)
        first = self.submit(fingerprint, "lists/second")
        self.assertEqual(list(first.notices), [])
        [notice] = self.submit(near(fingerprint, 3)).notices
        self.assertEqual((notice.code, notice.entry, notice.distance),
                         (Notice.DUPLICATE, first.entry, 3))
        theirs = self.submit(fingerprint, "lists/others", self.rival)
        self.assertEqual(list(theirs.notices), [])

    def test_a_dry_run_says_what_would_be_and_writes_nothing(self):
        fingerprint = random_pdq(self.source)
        entries = [lists_pb2.Entry(external_reference="new", fingerprints=[fingerprint]),
                   lists_pb2.Entry(external_reference="conflict",
                                   fingerprints=[near(self.harmless, 20)]),
                   lists_pb2.Entry(external_reference="poor",
                                   fingerprints=[random_pdq(self.source, quality=3)])]
        request = lists_pb2.UploadEntriesRequest(parent="lists/known", entries=entries,
                                                 validate_only=True)
        [dry] = self.flagger.lists.UploadEntries(iter([request]))
        new, conflict, poor = dry.results
        self.assertEqual((new.created, new.entry, new.state, list(new.notices)),
                         (True, "", types_pb2.PROVISIONAL, []))
        self.assertGreater(new.expire_time.seconds, 0)
        self.assertEqual([n.code for n in conflict.notices], [Notice.ALLOW_CONFLICT])
        self.assertEqual(poor.problem.reason, "QUALITY_TOO_LOW")
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)
        names = {e.external_reference for e in self.flagger.entries("lists/known")}
        self.assertFalse(names & {"new", "conflict", "poor"})

    def test_import_reports_notices_and_dry_runs(self):
        there, twice = random_pdq(self.source), random_pdq(self.source)
        self.submit(twice, "lists/second")
        file = harness.new_folder() / "import"
        lines = [f"{there.hex},90,there", f"{twice.hex},90,twice",
                 f"{near(self.harmless, 30).hex},90,conflict", f"{random_pdq(self.source).hex},3,poor",
                 "nothing"]
        self.flagger.upload("lists/known", [lists_pb2.Entry(external_reference="there",
                                                            fingerprints=[there])])
        file.write_text("\n".join(lines))
        dry = self.server.run("flagger", "list", "import", "known", file, "--dry_run")
        self.assertEqual(dry.returncode, 1, dry.stderr)
        self.assertEqual([line.split() for line in dry.stdout.splitlines()], [
            "2 would be added, 1 there before, 2 refused".split(),
            "1 refused, LINE_INVALID".split(), "1 refused, QUALITY_TOO_LOW".split(),
            "1 notices, ALLOW_CONFLICT".split(), "1 notices, DUPLICATE".split()])
        self.assertIn("line 3: notice: ", dry.stderr)
        report = json.loads(self.server.run("flagger", "list", "import", "known", file,
                                            "--dry_run", "--json").stdout)
        self.assertEqual(report, {"dry_run": True, "added": 2, "there_before": 1, "local_added": 0,
                                  "refused": {"LINE_INVALID": 1, "QUALITY_TOO_LOW": 1},
                                  "notices": {"ALLOW_CONFLICT": 1, "DUPLICATE": 1}})
        real = self.server.run("flagger", "list", "import", "known", file)
        self.assertEqual(real.returncode, 1)
        self.assertEqual([line.split() for line in real.stdout.splitlines()], [
            "2 added, 1 there before, 2 refused".split(),
            "1 notices, ALLOW_CONFLICT".split(), "1 notices, DUPLICATE".split()])
        again = self.server.run("flagger", "list", "import", "known", file, "--dry_run")
        self.assertTrue(again.stdout.startswith("0 would be added, 3 there before, 2 refused"))


class DryMessage(harness.ServerTest):
    """UploadEntries.validate_only, beside real messages."""

    def test_a_dry_run_names_no_entry_that_does_not_exist(self):
        self.flagger.create_list("known")
        entry = lists_pb2.Entry(fingerprints=[random_pdq(random.Random(8))])

        def upload(validate_only):
            [response] = self.flagger.lists.UploadEntries(iter([lists_pb2.UploadEntriesRequest(
                parent="lists/known", validate_only=validate_only, entries=[entry, entry])]))
            return [(result.created, bool(result.entry)) for result in response.results]
        self.assertEqual(upload(True), [(True, False), (False, False)])
        self.assertEqual(upload(False), [(True, True), (False, True)])
        self.assertEqual(upload(True), [(False, True), (False, True)])


class DailyQuota(harness.ServerTest):
    """What `vigie organisation set --daily_entries` allows."""

    def test_a_quota_is_kept_over_a_restart_and_counts_new_entries_only(self):
        server = harness.Server(principals=self.principals)
        done = harness.run("organisation", "set", "helpline", "--daily_entries", "3",
                           "--data_dir", server.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        source = random.Random(6)
        flagger = server.client("flagger")
        flagger.create_list("known")
        sent = [lists_pb2.Entry(fingerprints=[random_pdq(source)]) for _ in range(5)]

        def reasons(client, entries):
            return [result.problem.reason for result in client.upload("lists/known", entries)]
        time.sleep(0.5)  # a running server sees the change a moment later
        self.assertEqual(reasons(flagger, sent), ["", "", "", "QUOTA_EXCEEDED", "QUOTA_EXCEEDED"])
        self.assertEqual(reasons(flagger, sent[:3]), ["", "", ""], "they are there already")
        self.assertEqual(server.stop(), 0)
        again = harness.Server(data_dir=server.data_dir)
        again.keys = server.keys
        self.assertEqual(reasons(again.client("flagger"), sent[3:]), ["QUOTA_EXCEEDED"] * 2)
        self.assertEqual(again.stop(), 0)


class NoDuplicates(harness.ServerTest):
    flags = ("--guards.duplicates", "false")

    def test_duplicates_are_not_looked_for_when_switched_off(self):
        fingerprint = random_pdq(random.Random(5))
        for name in ("known", "second"):
            self.flagger.create_list(name)
            [result] = self.flagger.upload(f"lists/{name}",
                                           [lists_pb2.Entry(fingerprints=[fingerprint])])
            self.assertEqual(list(result.notices), [])


if __name__ == "__main__":
    harness.main()
