"""Who calls: keys, roles, revocation in the running server."""

import random

import grpc

import harness
from match_test import random_pdq
from vigie.v1 import audit_pb2, lists_pb2, match_pb2, review_pb2

ROLES = ("platform", "victim_service", "trusted_flagger", "authority", "reviewer", "auditor",
         "operator")
DECISIONS = ("ConfirmEntry", "RejectEntry", "ContestEntry", "RenewEntry", "RevokeEntry",
             "EraseEntry", "SuspendEntry", "ResumeEntry")
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


def watch(client):
    call = client.match.Watch(match_pb2.WatchRequest())
    next(iter(call))
    call.cancel()


def calls():
    """One valid or at least readable request for each method: {name: callable(client)}."""
    check = {"fingerprints": [random_pdq(random.Random(1))]}
    upload = lists_pb2.UploadEntriesRequest(parent="lists/none", entries=[check])
    entry = "lists/none/entries/none"
    return {
        "CheckImage": lambda c: c.check(harness.picture("scene-1.png")),
        "CheckHashes": lambda c: c.match.CheckHashes(
            match_pb2.CheckHashesRequest(pictures=[check])),
        "StreamCheck": lambda c: list(c.match.StreamCheck(iter(
            [match_pb2.StreamCheckRequest(hashes=check)]))),
        "HashImage": lambda c: c.hash_image(harness.picture("scene-1.png")),
        "CreateList": lambda c: c.create_list(""),
        "GetList": lambda c: c.lists.GetList(lists_pb2.GetListRequest(name="lists/none")),
        "ListLists": lambda c: c.lists.ListLists(lists_pb2.ListListsRequest()),
        "UpdateList": lambda c: c.lists.UpdateList(lists_pb2.UpdateListRequest(
            list={"name": "lists/none"}, update_mask={"paths": ["display_name"]})),
        "DeleteList": lambda c: c.lists.DeleteList(
            lists_pb2.DeleteListRequest(name="lists/none")),
        "UploadEntries": lambda c: list(c.lists.UploadEntries(iter([upload]))),
        "GetEntry": lambda c: c.lists.GetEntry(lists_pb2.GetEntryRequest(name=entry)),
        "ListEntries": lambda c: c.lists.ListEntries(
            lists_pb2.ListEntriesRequest(parent="lists/none")),
        "WithdrawEntry": lambda c: c.lists.WithdrawEntry(
            lists_pb2.WithdrawEntryRequest(name=entry)),
        "ListReviews": lambda c: c.reviews.ListReviews(review_pb2.ListReviewsRequest()),
        "SettleEntry": lambda c: c.settle(entry, review_pb2.SettleEntryRequest.UPHELD),
        "GetOutcome": lambda c: c.outcome(entry),
        "GiveFeedback": lambda c: c.reviews.GiveFeedback(
            review_pb2.GiveFeedbackRequest(name=entry)),
        "GetSubmitterRecord": lambda c: c.reviews.GetSubmitterRecord(
            review_pb2.GetSubmitterRecordRequest(organisation="none")),
        "Watch": watch,
        "ListEvents": lambda c: c.audit.ListEvents(audit_pb2.ListEventsRequest()),
        "GetHead": lambda c: c.audit.GetHead(audit_pb2.GetHeadRequest()),
        "GetCounters": lambda c: c.audit.GetCounters(audit_pb2.GetCountersRequest()),
        **{name: lambda c, name=name: c.decide(name, entry) for name in DECISIONS},
    }


class Keys(harness.ServerTest):
    """Keys that are missing, wrong or revoked."""

    principals = {role: ("org-" + role.replace("_", "-"), role) for role in ROLES}

    def test_every_method_refuses_callers_without_a_key(self):
        nobody = self.server.client(None)
        for name, call in calls().items():
            with self.subTest(name), self.fails(UNAUTHENTICATED, "KEY_MISSING"):
                call(nobody)

    def test_every_method_refuses_an_unknown_key(self):
        stranger = self.server.client_with_key("vgk_" + "a" * 16 + "_" + "a" * 52)
        for name, call in calls().items():
            with self.subTest(name), self.fails(UNAUTHENTICATED, "KEY_INVALID"):
                call(stranger)

    def test_keys_of_another_form_and_changed_keys_are_invalid(self):
        key = self.server.keys["platform"]
        other = self.server.keys["operator"]
        prefix, key_id, secret = key.split("_")
        last = "a" if secret[-1] != "a" else "q"
        for bad in ("x", "vgk_", "vgk__", f"{prefix}_{key_id}", f"{prefix}_{key_id}_",
                    f"{prefix}_{key_id}_{secret[:-1]}", f"{prefix}_{key_id}_{secret}a",
                    f"{prefix}_{key_id}_{secret[:-1]}{last}", f"{prefix}_{key_id}_{secret.upper()}",
                    f"{prefix}_{key_id}_{other.split('_')[2]}", f"_{key_id}_{secret}", key * 40,
                    f"{key} {key}"):
            with self.subTest(bad), self.fails(UNAUTHENTICATED, "KEY_INVALID"):
                self.server.client_with_key(bad).check(b"")

    def test_another_scheme_is_no_key(self):
        stub = self.server.client(None).channel.unary_unary(
            "/vigie.v1.ListService/ListLists",
            request_serializer=lists_pb2.ListListsRequest.SerializeToString,
            response_deserializer=lists_pb2.ListListsResponse.FromString)
        for value in ("", "Bearer", "Basic abc", self.server.keys["operator"]):
            with self.subTest(value), self.fails(UNAUTHENTICATED, "KEY_MISSING"):
                stub(lists_pb2.ListListsRequest(), timeout=harness.WAIT_SECONDS,
                     metadata=[("authorization", value)])

    def test_a_key_made_while_the_server_runs_works_at_once_until_it_is_revoked(self):
        key = harness.make_key(self.server.data_dir, "late", "platform")
        client = self.server.client_with_key(key)

        def answer():
            try:
                return client.check(b"") and "OK"
            except grpc.RpcError as error:
                self.assertEqual(error.code(), UNAUTHENTICATED)
                return harness.wire.error_reason(error)
        self.assertEqual(answer(), "OK")
        revoked = harness.run("key", "revoke", "--data_dir", self.server.data_dir,
                              key.split("_")[1])
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        harness.poll(lambda: answer() == "KEY_REVOKED", "the key is revoked", 5)
        for name, call in calls().items():
            with self.subTest(name), self.fails(UNAUTHENTICATED, "KEY_REVOKED"):
                call(client)
        # Whoever does not know the secret does not learn that the key was revoked.
        guess = self.server.client_with_key("_".join(key.split("_")[:2]) + "_" + "a" * 52)
        with self.fails(UNAUTHENTICATED, "KEY_INVALID"):
            guess.check(b"")

    def test_roles_may_call_what_is_theirs_and_nothing_else(self):
        checking = {"CheckImage", "CheckHashes", "StreamCheck", "Watch", "GiveFeedback"}
        record = {"GetSubmitterRecord"}
        reviewing = {"ListReviews", "SettleEntry", "GetOutcome", *DECISIONS, *record}
        auditing = {"ListEvents", "GetHead", "GetCounters"}
        listing = set(calls()) - checking - {"HashImage"} - reviewing - auditing
        own = record | {"HashImage", "ContestEntry", "RenewEntry", "EraseEntry", "GetOutcome"}
        decisions = record | {"ListReviews", "ConfirmEntry", "RejectEntry", "GetOutcome"}
        allowed = {"platform": checking | {"ContestEntry", "GetOutcome"},
                   "victim_service": listing | own, "trusted_flagger": listing | own,
                   "authority": listing | decisions | {"HashImage", "RenewEntry", "RevokeEntry",
                                                       "EraseEntry"},
                   "operator": listing | record | {"EraseEntry", "GetOutcome", "GetHead",
                                                   "SuspendEntry"},
                   "reviewer": decisions | {"SettleEntry", "WithdrawEntry", "ResumeEntry"},
                   "auditor": auditing | record}
        cells = 0
        for role in ROLES:
            for name, call in calls().items():
                cells += 1
                with self.subTest(f"{role} {name}"):
                    try:
                        call(getattr(self, role))
                        refused = False
                    except grpc.RpcError as error:
                        refused = error.code() == grpc.StatusCode.PERMISSION_DENIED
                        if refused:
                            self.assertEqual(harness.wire.error_reason(error), "ROLE_NOT_ALLOWED")
                        else:  # let in, and then told that there is no such list
                            self.assertIn(error.code(), (grpc.StatusCode.NOT_FOUND,
                                                         grpc.StatusCode.INVALID_ARGUMENT))
                    self.assertEqual(refused, name not in allowed[role])
        print(f"{cells} cells of role and method over the wire")


if __name__ == "__main__":
    harness.main()
