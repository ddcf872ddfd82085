"""Nobody learns from any method what exists at another organisation: what is another's is answered
as what does not exist, to the letter."""

import importlib
import pathlib
import random

import grpc

import harness
from match_test import random_pdq
import vigie.v1
from vigie.v1 import audit_pb2, lists_pb2, match_pb2, review_pb2, types_pb2

ROLES = ("platform", "victim_service", "trusted_flagger", "authority", "reviewer", "auditor",
         "operator")
HASH = random_pdq(random.Random(3))
DECISION = review_pb2.Decision(person="Ana Lys", reason=types_pb2.COURT_ORDER,
                               case_reference="24/1")
DECISIONS = ("ConfirmEntry", "RejectEntry", "ContestEntry", "RenewEntry", "RevokeEntry",
             "EraseEntry", "SuspendEntry", "ResumeEntry")
ENTRY = lists_pb2.Entry(fingerprints=[HASH], case_reference="24/1")


def check_of(name):
    return match_pb2.CheckSettings(lists=[name])


# One request for each method about the list and the entry of these names. A request that names
# nothing is here too: its answer must not depend on what others have.
PROBES = {
    "CheckImage": lambda c, l, e: c.match.CheckImage(match_pb2.CheckImageRequest(
        image=harness.picture("scene-1.png"), settings=check_of(l))),
    "CheckHashes": lambda c, l, e: c.match.CheckHashes(match_pb2.CheckHashesRequest(
        pictures=[match_pb2.HashedPicture(fingerprints=[HASH])], settings=check_of(l))),
    "StreamCheck": lambda c, l, e: list(c.match.StreamCheck(iter([match_pb2.StreamCheckRequest(
        hashes=match_pb2.HashedPicture(fingerprints=[HASH]), settings=check_of(l))]))),
    "HashImage": lambda c, l, e: c.match.HashImage(match_pb2.HashImageRequest(
        image=harness.picture("scene-1.png"))),
    "GetList": lambda c, l, e: c.lists.GetList(lists_pb2.GetListRequest(name=l)),
    "ListLists": lambda c, l, e: c.lists.ListLists(lists_pb2.ListListsRequest()),
    "UpdateList": lambda c, l, e: c.lists.UpdateList(lists_pb2.UpdateListRequest(
        list=lists_pb2.List(name=l, display_name="x"), update_mask={"paths": ["display_name"]})),
    "DeleteList": lambda c, l, e: c.lists.DeleteList(
        lists_pb2.DeleteListRequest(name=l, force=True)),
    "UploadEntries": lambda c, l, e: c.upload(l, [ENTRY]),
    "GetEntry": lambda c, l, e: c.lists.GetEntry(lists_pb2.GetEntryRequest(name=e)),
    "ListEntries": lambda c, l, e: c.lists.ListEntries(lists_pb2.ListEntriesRequest(parent=l)),
    "WithdrawEntry": lambda c, l, e: c.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
        name=e, person="Ana Lys", reason_code=types_pb2.NOT_ILLEGAL)),
    "ListReviews": lambda c, l, e: c.reviews.ListReviews(
        review_pb2.ListReviewsRequest(parent=l)),
    "SettleEntry": lambda c, l, e: c.reviews.SettleEntry(review_pb2.SettleEntryRequest(
        name=e, settlement=review_pb2.SettleEntryRequest.UPHELD, decision=DECISION)),
    "GetOutcome": lambda c, l, e: c.outcome(e),
    **{method: lambda c, l, e, method=method: getattr(c.reviews, method)(
        review_pb2.DecideRequest(name=e, decision=DECISION)) for method in DECISIONS},
    "GiveFeedback": lambda c, l, e: c.reviews.GiveFeedback(review_pb2.GiveFeedbackRequest(
        name=e, upload="a" * 26, finding=review_pb2.GiveFeedbackRequest.FALSE_POSITIVE)),
    "GetHead": lambda c, l, e: c.audit.GetHead(audit_pb2.GetHeadRequest()) and None,
}
# Roles that may know of every list and entry (engine/catalog/entry_rules.h, MayKnow): what they are
# told of another's is not a leak. By their other methods they learn nothing either.
KNOWING = {"reviewer": {"ListReviews", "GetOutcome", "ConfirmEntry", "RejectEntry", "SettleEntry",
                        "WithdrawEntry", "ResumeEntry"},
           "operator": {"GetOutcome", "SuspendEntry"},
           "authority": {"ListReviews", "GetOutcome", "ConfirmEntry", "RejectEntry",
                         "RevokeEntry", "EraseEntry"}}
# The auditor's calls are about everybody by their purpose, and ask for nothing by name. Ids of lists
# are one space for the server, so making one tells that the id is taken.
# What Watch tells follows from verdicts that the caller was given (watch_test.py), and a submitter's
# record names an organisation (below).
EXEMPT = {"ListEvents", "GetCounters", "CreateList", "Watch", "GetSubmitterRecord"}


def methods():
    """Every method of every service of the contract."""
    found = []
    for path in pathlib.Path(list(vigie.v1.__path__)[0]).glob("*_pb2.py"):
        module = importlib.import_module(f"vigie.v1.{path.stem}")
        for service in module.DESCRIPTOR.services_by_name.values():
            found += [method.name for method in service.methods]
    return found


class Probes(harness.ServerTest):
    """The owner's list acts for one platform alone; everybody else tries its names."""

    principals = {"owner": ("helpline", "trusted_flagger"),
                  "customer": ("customer", "platform"),
                  **{role: ("stranger-" + role.replace("_", "-"), role) for role in ROLES}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.create_list("known", audience=["customer"])
        [result] = cls.owner.upload("lists/known", [ENTRY])
        cls.entry = result.entry
        entry_id = cls.entry.rsplit("/", 1)[1]
        made_up = ("b" if entry_id[0] == "a" else "a") + entry_id[1:]
        # (list, entry) of the owner's, and the same of nobody's.
        cls.pairs = [(("lists/known", cls.entry), ("lists/nobodys", f"lists/nobodys/entries/{made_up}")),
                     (("lists/known", f"lists/known/entries/{made_up}"),
                      ("lists/nobodys", f"lists/nobodys/entries/{entry_id}"))]
        cls.own = {}
        for role in ("victim_service", "trusted_flagger", "authority"):
            name = "of-" + role.replace("_", "-")
            getattr(cls, role).create_list(name)
            cls.own[role] = f"lists/{name}"
        cls.entry_id, cls.made_up = entry_id, made_up

    def answer(self, role, method, names):
        """What the caller can tell: the code, the reason and the words; or the whole answer."""
        try:
            return ("OK", str(PROBES[method](getattr(self, role), *names)))
        except grpc.RpcError as error:
            return (error.code(), harness.wire.error_reason(error), error.details())

    def refused_to_role(self, answer):
        return answer[:2] == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")

    def test_every_method_of_the_contract_has_a_probe(self):
        self.assertEqual(set(methods()), set(PROBES) | EXEMPT)
        self.assertEqual(len(methods()), len(set(methods())))

    def test_the_names_are_right(self):
        """The owner and whom it serves do see them: without this, the probes would show nothing."""
        self.assertEqual(self.owner.outcome(self.entry).state, types_pb2.PROVISIONAL)
        self.assertEqual(self.customer.outcome(self.entry).name, self.entry)
        self.assertEqual(self.customer.check_hash(HASH).matches[0].entry, self.entry)

    def test_what_is_anothers_is_answered_as_what_does_not_exist(self):
        cells = 0
        for role in ROLES:
            for method in PROBES:
                if method in KNOWING.get(role, ()):
                    continue
                for foreign, nobodys in self.pairs:
                    cells += 1
                    with self.subTest(f"{role} {method} {foreign}"):
                        got = self.answer(role, method, foreign)
                        self.assertEqual(got, self.answer(role, method, nobodys))
                        self.assertNotIn(self.entry_id, str(got))
                        if got[0] == "OK":
                            self.assertIn(method, ("HashImage", "ListLists", "GetHead",
                                                   "CheckImage", "CheckHashes", "StreamCheck"))
                            self.assertNotIn("lists/known", got[1])
                        elif not self.refused_to_role(got):
                            self.assertEqual(got[0], grpc.StatusCode.NOT_FOUND)
        print(f"{cells} cells of role, method and names")

    def test_anothers_entry_is_not_found_in_ones_own_list(self):
        for role, own in self.own.items():
            for method in PROBES:
                if method in ("ListReviews", "DeleteList", "UpdateList", "UploadEntries"):
                    continue  # about one's own list
                with self.subTest(f"{role} {method}"):
                    got, wanted = (self.answer(role, method, (own, f"{own}/entries/{entry}"))
                                   for entry in (self.entry_id, self.made_up))
                    self.assertEqual(got, wanted)

    def test_a_role_that_may_not_call_a_method_is_told_so_whatever_it_asks_for(self):
        for role in ROLES:
            for method in PROBES:
                answers = [self.answer(role, method, names)
                           for pair in self.pairs for names in pair
                           if method not in KNOWING.get(role, ())]
                refused = {self.refused_to_role(answer) for answer in answers}
                self.assertLessEqual(len(refused), 1, f"{role} {method}")

    def test_anothers_record_is_answered_as_that_of_nobody(self):
        def answer(client, organisation):
            try:
                return client.reviews.GetSubmitterRecord(
                    review_pb2.GetSubmitterRecordRequest(organisation=organisation))
            except grpc.RpcError as error:
                return (error.code(), harness.wire.error_reason(error), error.details())
        self.assertEqual(answer(self.owner, "helpline").submitted, 1)
        for client in (self.victim_service, self.trusted_flagger, self.platform):
            self.assertEqual(answer(client, "helpline"), answer(client, "nobodys"))

    def test_page_tokens_of_another_open_nothing(self):
        for i in range(2):
            self.owner.create_list(f"page-{i}")
        token = self.owner.lists.ListLists(lists_pb2.ListListsRequest(page_size=1)).next_page_token
        self.assertTrue(token)
        for bad in (token, "a" * len(token)):
            with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
                self.victim_service.lists.ListLists(lists_pb2.ListListsRequest(page_token=bad))

    def test_a_taken_list_id_is_all_that_making_a_list_tells(self):
        with self.fails(grpc.StatusCode.ALREADY_EXISTS, "LIST_EXISTS"):
            self.victim_service.create_list("known")

    def test_the_probes_left_the_entry_alone(self):
        self.test_what_is_anothers_is_answered_as_what_does_not_exist()
        self.assertEqual(self.owner.outcome(self.entry).state, types_pb2.PROVISIONAL)
        self.assertEqual(len(self.owner.outcome(self.entry).history), 1)


if __name__ == "__main__":
    harness.main()
