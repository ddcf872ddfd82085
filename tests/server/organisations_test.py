"""Organisations and keys as the operator sets them, in the running server."""

import json
import random
import time

import grpc

import harness
from match_test import random_pdq
from vigie.v1 import lists_pb2, review_pb2, types_pb2

DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
SECONDS = 5  # for a change to be seen: 0.1 s, and slow machines


def utc(seconds_from_now):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


class CommandTest(harness.TestCase):
    """The commands alone."""

    def setUp(self):
        self.data_dir = harness.new_folder() / "data"

    def run_ok(self, *arguments):
        done = harness.run(*arguments, "--data_dir", self.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, *arguments, code=2, says=""):
        done = harness.run(*arguments, "--data_dir", self.data_dir)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stdout, "")

    def organisations(self):
        lines = self.run_ok("organisation", "list", "--json").stdout.splitlines()
        return {line["organisation"]: line for line in map(json.loads, lines)}

    def test_a_flaggers_key_needs_a_designation(self):
        create = ("key", "create", "--org", "helpline", "--role", "trusted_flagger")
        self.refused(*create, says="vigie organisation set helpline")
        self.assertEqual(self.run_ok("key", "list", "--json").stdout, "")
        self.refused(*create, "--categories", "ncii", says="--designation")
        self.refused("key", "create", "--org", "court", "--role", "authority", "--designation",
                     "X", says="only a trusted flagger")
        self.run_ok(*create, "--designation", "A-1", "--categories", "ncii,csam",
                    "--designation_until", "2999-12-31")
        self.run_ok(*create)  # it has one now
        [line] = self.organisations().values()
        self.assertEqual((line["designation"], line["categories"], line["valid_until"]),
                         ("A-1", "csam,ncii", "3000-01-01T00:00:00Z"))

    def test_what_is_set_is_listed_and_the_rest_is_kept(self):
        change = ("organisation", "set", "helpline")
        self.run_ok(*change, "--daily_entries", "10", "--images_per_second", "30")
        self.run_ok(*change, "--checks_per_second", "400")
        self.refused(*change, "--categories", "ncii", says="--designation")
        self.run_ok(*change, "--designation", "A-1", "--valid_from", "2026-01-01",
                    "--valid_until", "2026-01-01")
        line = self.organisations()["helpline"]
        self.assertEqual(
            {key: line[key] for key in line if key not in ("created", "updated")},
            {"organisation": "helpline", "designation": "A-1", "categories": "all",
             "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-01-02T00:00:00Z",
             "daily_entries": 10, "checks_per_second": 400, "images_per_second": 30})
        self.run_ok(*change, "--categories", "source_photo", "--valid_until", "none",
                    "--daily_entries", "0", "--images_per_second", "0")
        line = self.organisations()["helpline"]
        self.assertEqual((line["designation"], line["categories"], line["valid_until"],
                          line["daily_entries"], line["checks_per_second"],
                          line["images_per_second"]),
                         ("A-1", "source_photo", None, None, 400, None))
        self.run_ok("organisation", "set", "another", "--designation", "B")
        self.run_ok(*change, "--no_designation")
        self.assertIsNone(self.organisations()["helpline"]["designation"])
        self.assertEqual(self.organisations()["another"]["designation"], "B")
        text = self.run_ok("organisation", "list").stdout.splitlines()
        self.assertEqual([line.split("\t")[0] for line in text],
                         ["organisation", "another", "helpline"])

    def test_bad_values_change_nothing(self):
        self.run_ok("organisation", "set", "helpline", "--designation", "A-1")
        before = self.organisations()
        for flags in (("--categories", "porn"), ("--categories", ""), ("--categories", "ncii,"),
                      ("--valid_from", "yesterday"), ("--valid_until", "2026-02-30"),
                      ("--valid_until", "2026-01-01T25:00:00Z"), ("--valid_from", "1960-01-01"),
                      ("--valid_from", "2027-01-02", "--valid_until", "2027-01-01"),
                      ("--designation", "x" * 129), ("--designation", "a\nb"),
                      ("--daily_entries", "-1"), ("--daily_entries", "many"),
                      ("--designation", "B", "--no_designation")):
            if flags == ("--categories", ""):
                continue  # says nothing
            with self.subTest(flags):
                self.refused("organisation", "set", "helpline", *flags)
        self.refused("organisation", "set", "Not A Name", "--designation", "x")
        self.assertEqual(self.organisations(), before)
        self.refused("organisation", "list", "--data_dir", harness.new_folder(), code=2)

    def test_a_new_key_ends_when_it_is_told_to(self):
        create = ("key", "create", "--org", "forum", "--role", "platform")
        for flags in (("--valid_until", "2020-01-01"), ("--valid_until", "soon"),
                      ("--valid_days", "0"), ("--valid_days", "1", "--valid_until", "2999-01-01")):
            with self.subTest(flags):
                self.refused(*create, *flags)
        self.run_ok(*create, "--valid_until", "2999-12-30")
        self.run_ok(*create, "--valid_days", "2")
        self.run_ok(*create)
        lines = [json.loads(line) for line in
                 self.run_ok("key", "list", "--json").stdout.splitlines()]
        ends = [line["valid_until"] for line in lines]
        self.assertEqual(ends[0], "2999-12-31T00:00:00Z")
        self.assertLessEqual(utc(2 * 86400 - 60), ends[1])
        self.assertLessEqual(ends[1], utc(2 * 86400))
        self.assertIsNone(ends[2])
        self.assertEqual([line["kind"] for line in lines], ["secret"] * 3)


class Organisations(harness.ServerTest):
    """Changes reach the running server."""

    principals = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
                  "victims": ("victims", "victim_service")}

    def setUp(self):
        self.random = random.Random(self.id())
        self.set("--designation", "A-1", "--categories", "all", "--valid_until", "none",
                 "--valid_from", "none")
        harness.poll(lambda: self.submit() == "", "the designation is as before", SECONDS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flagger.create_list("known")

    def command(self, *arguments):
        done = harness.run(*arguments, "--data_dir", self.server.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def set(self, *flags):
        self.command("organisation", "set", "helpline", *flags)

    def entry(self):
        return lists_pb2.Entry(fingerprints=[random_pdq(self.random)])

    def submit(self):
        """The reason why a new entry is refused; "" when it is taken."""
        [result] = self.flagger.upload("lists/known", [self.entry()])
        if result.HasField("problem"):
            self.assertEqual(result.problem.code, DENIED.value[0])
        return result.problem.reason

    def test_without_a_designation_nothing_is_submitted_and_the_rest_goes_on(self):
        [mine] = self.flagger.upload("lists/known", [self.entry()])
        self.set("--no_designation")
        harness.poll(lambda: self.submit() == "NOT_DESIGNATED", "it is over", SECONDS)
        with self.fails(DENIED, "NOT_DESIGNATED"):
            self.flagger.create_list("another")
        with self.fails(DENIED, "NOT_DESIGNATED"):
            self.flagger.decide("RenewEntry", mine.entry)
        with self.fails(DENIED, "NOT_DESIGNATED"):
            self.flagger.lists.UpdateList(lists_pb2.UpdateListRequest(
                list={"name": "lists/known"}, update_mask={"paths": ["audience"]}))
        self.assertEqual(self.flagger.lists.GetEntry(lists_pb2.GetEntryRequest(
            name=mine.entry)).state, types_pb2.PROVISIONAL)
        self.flagger.decide("ContestEntry", mine.entry, reason=types_pb2.WRONG_PICTURE)
        self.flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
            name=mine.entry, person="Ana Lys"))
        self.assertEqual(self.flagger.decide("EraseEntry", mine.entry, person="Ana Lys",
                                             reason=types_pb2.DATA_PROTECTION).state,
                         types_pb2.ERASED)

    def test_a_designation_ends_by_itself(self):
        self.set("--valid_until", utc(2))
        self.assertEqual(self.submit(), "")
        harness.poll(lambda: self.submit() == "DESIGNATION_EXPIRED", "it ends", 2 + SECONDS)
        self.set("--valid_from", utc(3600), "--valid_until", "none")
        harness.poll(lambda: self.submit() == "DESIGNATION_EXPIRED", "it has not begun", SECONDS)

    def test_a_designation_is_for_its_categories(self):
        self.set("--categories", "csam")
        harness.poll(lambda: self.submit() == "CATEGORY_NOT_DESIGNATED", "only csam", SECONDS)
        with self.fails(DENIED, "CATEGORY_NOT_DESIGNATED"):
            self.flagger.create_list("ncii-two")
        self.flagger.create_list("csam-list", category=types_pb2.CSAM)

    def test_other_roles_need_no_designation(self):
        self.victims.create_list("victims-own")
        [result] = self.victims.upload("lists/victims-own", [self.entry()])
        self.assertTrue(result.created)

    def test_an_open_stream_is_told_what_a_new_one_is(self):
        key = harness.make_key(self.server.data_dir, "helpline", "trusted_flagger",
                               "--designation", "A-1")
        client = self.server.client_with_key(key)
        harness.poll(lambda: not self.fails_to_list(client), "the key works", SECONDS)
        waiting = []

        def requests():
            while True:
                yield lists_pb2.UploadEntriesRequest(parent="lists/known", entries=[self.entry()])
                while not waiting:
                    time.sleep(0.01)
                waiting.pop()
        stream = client.lists.UploadEntries(requests())
        self.assertTrue(next(stream).results[0].created)
        self.set("--no_designation")
        harness.poll(lambda: self.submit() == "NOT_DESIGNATED", "it is over", SECONDS)
        waiting.append(True)
        self.assertEqual(next(stream).results[0].problem.reason, "NOT_DESIGNATED")
        self.command("key", "revoke", key.split("_")[1])
        harness.poll(lambda: self.fails_to_list(client) == "KEY_REVOKED", "revoked", SECONDS)
        waiting.append(True)
        with self.fails(UNAUTHENTICATED, "KEY_REVOKED"):
            next(stream)

    def fails_to_list(self, client):
        """The reason why the caller may not list its lists; "" when it may."""
        try:
            client.lists.ListLists(lists_pb2.ListListsRequest())
            return ""
        except grpc.RpcError as error:
            self.assertEqual(error.code(), UNAUTHENTICATED)
            return harness.wire.error_reason(error)

    def test_a_key_ends_at_its_time(self):
        key = harness.make_key(self.server.data_dir, "victims", "victim_service",
                               "--valid_until", utc(3))
        client = self.server.client_with_key(key)
        harness.poll(lambda: not self.fails_to_list(client), "the key works", SECONDS)
        harness.poll(lambda: self.fails_to_list(client) == "KEY_EXPIRED", "it ends", SECONDS + 3)

    def test_a_rotated_key_works_beside_the_new_one_for_the_overlap(self):
        old = harness.make_key(self.server.data_dir, "victims", "victim_service", "--label", "x")
        new = self.command("key", "rotate", old.split("_")[1], "--overlap_hours", "1")
        clients = [self.server.client_with_key(key) for key in (old, new)]
        for client in clients:
            harness.poll(lambda c=client: not self.fails_to_list(c), "both work", SECONDS)
        newest = self.command("key", "rotate", new.split("_")[1])  # without an overlap
        harness.poll(lambda: self.fails_to_list(clients[1]) == "KEY_EXPIRED", "it ends", SECONDS)
        self.assertEqual(self.fails_to_list(self.server.client_with_key(newest)), "")
        self.assertEqual(self.fails_to_list(clients[0]), "")
        lines = {line["id"]: line for line in map(json.loads, self.command(
            "key", "list", "--json").splitlines())}
        for key in (new, newest):
            line = lines[key.split("_")[1]]
            self.assertEqual((line["organisation"], line["role"], line["label"]),
                             ("victims", "victim_service", "x"))
        for bad in (new.split("_")[1], "aaaaaaaaaaaaaaaa"):  # it is over; there is none
            done = harness.run("key", "rotate", bad, "--data_dir", self.server.data_dir)
            self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)

    def test_every_change_is_an_event_of_the_chain(self):
        self.set("--categories", "csam")
        done = harness.run("audit", "verify", "--data_dir", self.server.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    harness.main()
