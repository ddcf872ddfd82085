"""Bad pictures get a verdict, bad requests an error with its reason, and nothing is written."""

import random
import struct
import zlib

import grpc

import harness
from harness import picture
from match_test import random_pdq
from vigie.v1 import lists_pb2, match_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def png(width, height, depth, colour, rows=b"", extra=b""):
    """A PNG of these header values; `extra` are chunks before the pixels."""
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) +
            extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content +
            struct.pack(">I", zlib.crc32(kind + content)))


def palette_png():
    """256x256 pixels of 16 palette colours, half of them transparent."""
    source = random.Random(2)
    tiles = [[source.randrange(16) for _ in range(16)] for _ in range(16)]
    rows = b"".join(b"\0" + bytes(tiles[y // 16][x // 16] for x in range(256)) for y in range(256))
    return png(256, 256, 8, 3, rows, chunk(b"PLTE", source.randbytes(48)) +
               chunk(b"tRNS", bytes([0, 255] * 8)))


class Pictures(harness.ServerTest):
    """What is wrong with a picture is a verdict."""

    def test_every_kind_of_picture_gets_a_verdict_with_the_right_reason(self):
        whole = {name: picture(f"scene-1-same.{name}") for name in ("jpg", "png", "bmp", "webp",
                                                                    "tiff")}
        cases = {
            "empty": (b"", Verdict.CORRUPT),
            "text": (b"This is a text.", Verdict.UNSUPPORTED_FORMAT),
            "gif": (b"GIF89a" + bytes(100), Verdict.CORRUPT),
            "pdf": (b"%PDF-1.7\n" + bytes(100), Verdict.UNSUPPORTED_FORMAT),
            "huge": (png(65535, 65535, 8, 2), Verdict.TOO_LARGE),
            "one pixel": (picture("1x1.png"), Verdict.FEATURELESS),
            "four pixels a side": (picture("4x4.png"), Verdict.FEATURELESS),
            "flat": (picture("flat.png"), Verdict.FEATURELESS),
            "cmyk": (picture("cmyk.jpg"), Verdict.FEATURELESS),
            "small palette": (picture("palette.png"), Verdict.FEATURELESS),
            "palette": (palette_png(), None),
            "16 bits": (picture("scene-1-16-bit.png"), None),
            "alpha": (picture("scene-1-alpha.png"), None),
        }
        self.assertLess(len(cases["huge"][0]), 100)
        for name, content in whole.items():
            cases[f"whole {name}"] = (content, None)
            cases[f"half {name}"] = (content[:len(content) // 2], Verdict.CORRUPT)
            cases[f"start {name}"] = (content[:16], Verdict.CORRUPT)
        for name, (content, reason) in cases.items():
            with self.subTest(name):
                verdict = self.platform.check(content)
                if reason is None:
                    self.assertEqual(verdict.outcome, Verdict.NO_MATCH, verdict)
                    self.assertFalse(verdict.detail)
                    continue
                self.assertEqual((Verdict.Outcome.Name(verdict.outcome),
                                  Verdict.NotScanned.Name(verdict.not_scanned)),
                                 ("NOT_SCANNED", Verdict.NotScanned.Name(reason)), verdict)
                self.assertTrue(verdict.detail)
                self.assertEqual(verdict.basis, Verdict.BASIS_UNSPECIFIED)

    def test_a_picture_over_the_limit_is_too_large_and_a_message_over_it_an_error(self):
        padded = picture("scene-1.png") + bytes((32 << 20) + 1 - len(picture("scene-1.png")))
        self.assertEqual(self.platform.check(padded).not_scanned, Verdict.TOO_LARGE)
        with self.assertRaises(grpc.RpcError) as caught:
            self.platform.check(bytes(100 << 20))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(self.platform.check(picture("scene-1.png")).outcome, Verdict.NO_MATCH)

    def test_a_poor_hash_is_featureless(self):
        verdict = self.platform.check_hash(random_pdq(random.Random(1), quality=49))
        self.assertEqual((verdict.outcome, verdict.not_scanned),
                         (Verdict.NOT_SCANNED, Verdict.FEATURELESS))


class Checks(harness.ServerTest):
    """What is wrong with a question is an error."""

    def check_hashes(self, *pictures_asked, **settings):
        return self.platform.match.CheckHashes(match_pb2.CheckHashesRequest(
            pictures=pictures_asked, settings=match_pb2.CheckSettings(**settings)))

    def test_hashes_that_cannot_be_read_fail_the_call(self):
        good = {"algorithm": types_pb2.PDQ, "hex": "0f" * 32, "quality": 90}
        for change, reason in (({"hex": "0f" * 31}, "HASH_MALFORMED"),
                               ({"hex": "0f" * 33}, "HASH_MALFORMED"),
                               ({"hex": "xf" * 32}, "HASH_MALFORMED"),
                               ({"hex": ""}, "HASH_MALFORMED"),
                               ({"hex": "é" * 32}, "HASH_MALFORMED"),
                               ({"algorithm": types_pb2.MD5}, "HASH_MALFORMED"),
                               ({"algorithm": 0}, "ENUM_INVALID"),
                               ({"algorithm": 5}, "ENUM_INVALID"),
                               ({"algorithm": -1}, "ENUM_INVALID"),
                               ({"profile": 3}, "ENUM_INVALID"),
                               ({"decode_mode": 3}, "ENUM_INVALID"),
                               ({"orientation": 9}, "ENUM_INVALID"),
                               ({"orientation": -1}, "ENUM_INVALID"),
                               ({"quality": -1}, "HASH_MALFORMED"),
                               ({"quality": 101}, "HASH_MALFORMED")):
            with self.subTest(change), self.fails(INVALID, reason):
                self.check_hashes({"fingerprints": [good]}, {"fingerprints": [{**good, **change}]})
        with self.fails(INVALID, "HASH_MALFORMED"):
            self.check_hashes({})
        with self.fails(INVALID, "HASH_MALFORMED"):
            self.check_hashes({"fingerprints": [good] * 65})

    def test_the_number_of_pictures_is_bounded(self):
        one = {"fingerprints": [random_pdq(random.Random(1))]}
        with self.fails(INVALID, "OUT_OF_RANGE"):
            self.check_hashes()
        with self.fails(INVALID, "OUT_OF_RANGE"):
            self.check_hashes(*[one] * 1001)

    def test_settings_out_of_range_fail_the_call(self):
        for settings, reason in (({"max_distance": 48}, "MAX_DISTANCE_INVALID"),
                                 ({"max_distance": -1}, "MAX_DISTANCE_INVALID"),
                                 ({"max_matches": 1001}, "OUT_OF_RANGE"),
                                 ({"max_matches": -1}, "OUT_OF_RANGE"),
                                 ({"lists": ["known"]}, "NAME_INVALID"),
                                 ({"lists": ["lists/"]}, "NAME_INVALID"),
                                 ({"lists": ["lists/a/entries/b"]}, "NAME_INVALID")):
            with self.subTest(settings), self.fails(INVALID, reason):
                self.platform.check(picture("scene-1.png"), **settings)
        with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
            self.platform.check(picture("scene-1.png"), lists=["lists/unknown"])

    def test_a_profile_that_does_not_exist_is_refused(self):
        with self.fails(INVALID, "ENUM_INVALID"):
            self.flagger.match.HashImage(match_pb2.HashImageRequest(
                image=picture("scene-1.png"), profile=7))


class Changes(harness.ServerTest):
    """What is wrong with a change leaves everything as it was."""

    principals = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
                  "rival": ("rival", "trusted_flagger"), "court": ("court", "authority"),
                  "operator": ("operations", "operator")}

    def setUp(self):
        if not hasattr(type(self), "own"):
            self.flagger.create_list("mine")
            source = random.Random(1)
            type(self).results = self.flagger.upload("lists/mine", [
                lists_pb2.Entry(external_reference=str(i), fingerprints=[random_pdq(source)])
                for i in range(10)])
            self.rival.create_list("theirs")
            type(self).own = self.state()
        self.addCleanup(lambda: self.assertEqual(self.state(), self.own))

    def state(self):
        lists = self.flagger.lists.ListLists(lists_pb2.ListListsRequest())
        return lists, self.flagger.entries("lists/mine", view=lists_pb2.WITH_FINGERPRINTS)

    def test_lists_with_bad_values_are_not_made(self):
        good = {"kind": lists_pb2.List.BLOCK, "category": types_pb2.NCII}
        for change, reason in (({"kind": 0}, "ENUM_INVALID"), ({"kind": 3}, "ENUM_INVALID"),
                               ({"category": 0}, "ENUM_INVALID"),
                               ({"category": 8}, "ENUM_INVALID"),
                               ({"action": 5}, "ENUM_INVALID"), ({"action": -1}, "ENUM_INVALID"),
                               ({"action": types_pb2.PROVISIONAL_BLOCK}, "LIST_INVALID"),
                               ({"max_distance": 32}, "LIST_INVALID"),
                               ({"max_distance": -1}, "LIST_INVALID"),
                               ({"provisional_hours": -1}, "LIST_INVALID"),
                               ({"provisional_hours": 8785}, "LIST_INVALID"),
                               ({"display_name": "x" * 201}, "LIST_INVALID"),
                               ({"audience": ["Not A Name"]}, "LIST_INVALID"),
                               ({"audience": ["forum"] * 1001}, "LIST_INVALID")):
            with self.subTest(change), self.fails(INVALID, reason):
                self.flagger.create_list("bad", **{**good, **change})
        for list_id in ("", "-a", "a-", "A", "1a", "a_b", "a" * 64, "a/b", "é", "lists/a", "a b"):
            with self.subTest(list_id), self.fails(INVALID, "LIST_INVALID"):
                self.flagger.create_list(list_id)

    def test_updates_with_a_bad_mask_or_value_change_nothing(self):
        for paths, values, reason in (
                ([], {}, "FIELD_MASK_INVALID"),
                (["name"], {}, "FIELD_MASK_INVALID"),
                (["kind"], {"kind": lists_pb2.List.ALLOW}, "FIELD_MASK_INVALID"),
                (["display_name", "organisation"], {"display_name": "x"}, "FIELD_MASK_INVALID"),
                (["*"], {}, "FIELD_MASK_INVALID"),
                (["max_distance"], {}, "LIST_INVALID"),
                (["display_name", "max_distance"], {"display_name": "x", "max_distance": 99},
                 "LIST_INVALID"),
                (["action"], {}, "ENUM_INVALID"),
                (["provisional_hours"], {}, "LIST_INVALID")):
            with self.subTest(paths), self.fails(INVALID, reason):
                self.flagger.lists.UpdateList(lists_pb2.UpdateListRequest(
                    list=lists_pb2.List(name="lists/mine", **values),
                    update_mask={"paths": paths}))

    def calls_with(self, caller, list_name, entry_name):
        """Every method that names a list or an entry, as callables."""
        lists = caller.lists
        upload = lists_pb2.UploadEntriesRequest(
            parent=list_name, entries=[{"fingerprints": [random_pdq(random.Random(9))]}])
        return {
            "GetList": lambda: lists.GetList(lists_pb2.GetListRequest(name=list_name)),
            "UpdateList": lambda: lists.UpdateList(lists_pb2.UpdateListRequest(
                list={"name": list_name, "display_name": "x"},
                update_mask={"paths": ["display_name"]})),
            "DeleteList": lambda: lists.DeleteList(
                lists_pb2.DeleteListRequest(name=list_name, force=True)),
            "UploadEntries": lambda: list(lists.UploadEntries(iter([upload]))),
            "ListEntries": lambda: lists.ListEntries(
                lists_pb2.ListEntriesRequest(parent=list_name)),
            "GetEntry": lambda: lists.GetEntry(lists_pb2.GetEntryRequest(name=entry_name)),
            "WithdrawEntry": lambda: lists.WithdrawEntry(
                lists_pb2.WithdrawEntryRequest(name=entry_name)),
        }

    def test_what_belongs_to_another_organisation_does_not_exist_for_any_method(self):
        entry = self.results[0].entry
        for who in ("rival", "court", "operator"):
            for name, call in self.calls_with(getattr(self, who), "lists/mine", entry).items():
                with self.subTest(f"{who} {name}"), self.fails(grpc.StatusCode.NOT_FOUND,
                                                               "LIST_NOT_FOUND"):
                    call()

    def test_an_unknown_list_is_not_found_by_any_method(self):
        entry = self.results[0].entry.replace("lists/mine/", "lists/unknown/")
        for name, call in self.calls_with(self.flagger, "lists/unknown", entry).items():
            with self.subTest(name), self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
                call()

    def test_an_entry_is_found_in_its_own_list_only(self):
        stolen = self.results[0].entry.replace("lists/mine/", "lists/theirs/")
        for name in (stolen, "lists/theirs/entries/aaaa", "lists/theirs/entries/" + "a" * 500):
            calls = self.calls_with(self.rival, "lists/theirs", name)
            for method in ("GetEntry", "WithdrawEntry"):
                with self.subTest(method), self.fails(grpc.StatusCode.NOT_FOUND,
                                                      "ENTRY_NOT_FOUND"):
                    calls[method]()

    def test_names_of_another_form_are_refused_by_every_method(self):
        for bad in ("", "mine", "lists/", "/lists/mine", "lists/mine/", "lists/mine/entries",
                    "lists/mine/entries/", "lists/mine/entries/a/b", "Lists/mine"):
            for name, call in self.calls_with(self.flagger, bad, bad).items():
                with self.subTest(f"{name} {bad}"), self.fails(INVALID, "NAME_INVALID"):
                    call()

    def test_page_tokens_from_elsewhere_are_refused(self):
        page = self.flagger.lists.ListEntries(
            lists_pb2.ListEntriesRequest(parent="lists/mine", page_size=3))
        token = page.next_page_token
        self.assertTrue(token)
        with self.fails(INVALID, "PAGE_TOKEN_INVALID"):
            self.rival.lists.ListEntries(
                lists_pb2.ListEntriesRequest(parent="lists/theirs", page_token=token))
        for bad in (token + "a", token[:-1], "x", "é", "0" * 1000, self.results[0].entry):
            with self.subTest(bad), self.fails(INVALID, "PAGE_TOKEN_INVALID"):
                self.flagger.lists.ListEntries(
                    lists_pb2.ListEntriesRequest(parent="lists/mine", page_token=bad))
        with self.fails(INVALID, "PAGE_TOKEN_INVALID"):
            self.flagger.lists.ListLists(lists_pb2.ListListsRequest(page_token=token))
        for size in (-1, 1001):
            with self.fails(INVALID, "OUT_OF_RANGE"):
                self.flagger.lists.ListEntries(
                    lists_pb2.ListEntriesRequest(parent="lists/mine", page_size=size))
            with self.fails(INVALID, "OUT_OF_RANGE"):
                self.flagger.lists.ListLists(lists_pb2.ListListsRequest(page_size=size))

    def test_a_view_that_does_not_exist_is_refused(self):
        with self.fails(INVALID, "ENUM_INVALID"):
            self.flagger.lists.GetEntry(
                lists_pb2.GetEntryRequest(name=self.results[0].entry, view=3))
        with self.fails(INVALID, "ENUM_INVALID"):
            self.flagger.lists.ListEntries(
                lists_pb2.ListEntriesRequest(parent="lists/mine", view=-1))

    def test_uploads_without_or_with_too_many_entries_are_refused(self):
        source = random.Random(5)
        many = [lists_pb2.Entry(fingerprints=[random_pdq(source)]) for _ in range(1001)]
        for entries in ([], many):
            with self.fails(INVALID, "OUT_OF_RANGE"):
                self.flagger.upload("lists/mine", entries)

    def test_a_reason_that_is_too_long_withdraws_nothing(self):
        for reason in ("x" * 257, "two\nlines"):
            with self.fails(INVALID, "ENTRY_INVALID"):
                self.flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
                    name=self.results[0].entry, reason=reason))

    def test_submitters_need_the_right_role_and_a_case(self):
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MAY_NOT_SUBMIT"):
            self.flagger.create_list("friendly", kind=lists_pb2.List.ALLOW)
        with self.fails(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MAY_NOT_SUBMIT"):
            self.operator.create_list("hostile")
        self.court.create_list("orders")
        [result] = self.court.upload("lists/orders", [
            lists_pb2.Entry(fingerprints=[random_pdq(random.Random(6))])])
        self.assertEqual(result.problem.reason, "CASE_REFERENCE_REQUIRED")
        self.assertFalse(self.court.entries("lists/orders"))


if __name__ == "__main__":
    harness.main()
