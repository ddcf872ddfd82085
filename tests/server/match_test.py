"""MatchService as a platform meets it: verdicts, copies, streams."""

import json
import random

import grpc

import harness
from harness import picture
from vigie.v1 import lists_pb2, match_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

# What was done to the upload, and which orientation of it is the entry's.
TURNED = {
    "clockwise": types_pb2.ROTATE_90,
    "half-turn": types_pb2.ROTATE_180,
    "counterclockwise": types_pb2.ROTATE_270,
    "upside-down": types_pb2.FLIP_X,
    "mirrored": types_pb2.FLIP_Y,
    "diagonal": types_pb2.FLIP_PLUS_1,
    "antidiagonal": types_pb2.FLIP_MINUS_1,
}


def random_pdq(source, quality=100):
    return types_pb2.Fingerprint(algorithm=types_pb2.PDQ, hex=source.randbytes(32).hex(),
                                 quality=quality)


def near(fingerprint, bits):
    """`fingerprint` with its first `bits` bits turned."""
    value = int(fingerprint.hex, 16) ^ ((1 << bits) - 1)
    changed = types_pb2.Fingerprint()
    changed.CopyFrom(fingerprint)
    changed.hex = f"{value:064x}"
    return changed


class Checks(harness.ServerTest):
    """One list with the first scene; the others are unknown."""

    principals = {
        "flagger": ("helpline", "trusted_flagger"),
        "platform": ("forum", "platform"),
        "other": ("network", "platform"),
        "operator": ("operations", "operator"),
        "authority": ("court", "authority"),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flagger.create_list("known")
        cls.fingerprints = cls.flagger.hash_image(picture("scene-1.png"))
        [result] = cls.flagger.upload("lists/known", [lists_pb2.Entry(
            external_reference="case 1", fingerprints=cls.fingerprints[:1])])
        cls.entry = result.entry

    def assert_match(self, verdict, orientation=types_pb2.ORIGINAL, most=31):
        self.assertEqual(verdict.outcome, Verdict.MATCH, verdict)
        self.assertEqual(verdict.action, types_pb2.PROVISIONAL_BLOCK)
        self.assertEqual(verdict.basis, Verdict.PROVISIONAL_ENTRY)
        self.assertEqual(verdict.total_matches, 1)
        [match] = verdict.matches
        self.assertEqual(match.entry, self.entry)
        self.assertEqual(match.list, "lists/known")
        self.assertEqual(match.category, types_pb2.NCII)
        self.assertEqual(match.state, types_pb2.PROVISIONAL)
        self.assertEqual(match.action, types_pb2.PROVISIONAL_BLOCK)
        self.assertEqual(match.basis, Verdict.PROVISIONAL_ENTRY)
        self.assertEqual(match.algorithm, types_pb2.PDQ)
        self.assertLessEqual(match.distance, most)
        self.assertEqual(match.threshold, 31)
        self.assertEqual(types_pb2.Orientation.Name(match.orientation),
                         types_pb2.Orientation.Name(orientation))
        self.assertGreaterEqual(match.upload_quality, 50)
        self.assertEqual(match.upload_quality, verdict.upload_quality)
        self.assertEqual(match.entry_quality, self.fingerprints[0].quality)
        self.assertEqual(match.fingerprint, 0)
        self.assertGreater(match.expire_time.seconds, 0)
        self.assertGreater(verdict.revision, 0)
        self.assert_no_hash(verdict, self.fingerprints)

    def test_an_upload_of_a_known_picture_matches_with_everything_that_explains_why(self):
        self.assert_match(self.platform.check(picture("scene-1.png")), most=8)

    def test_recompressed_and_resized_copies_match(self):
        for name in ("same.jpg", "same.png", "same.webp", "same.bmp", "same.tiff", "same.avif",
                     "coarse.jpg", "small.jpg", "large.jpg", "16-bit.png", "alpha.png"):
            with self.subTest(name):
                self.assert_match(self.platform.check(picture(f"scene-1-{name}")))

    def test_a_known_frame_of_an_animation_matches_and_the_verdict_says_which(self):
        for name in ("webp", "avif"):
            with self.subTest(name):
                verdict = self.platform.check(picture(f"animation-2-1-3.{name}"))
                self.assertEqual(verdict.outcome, Verdict.MATCH)
                [match] = verdict.matches
                self.assertEqual((match.entry, match.HasField("frame"), match.frame),
                                 (self.entry, True, 1))
                self.assertEqual((verdict.frames_decoded, verdict.frames_looked_up), (3, 3))
                self.assert_no_hash(verdict, self.fingerprints)
        still = self.platform.check(picture("scene-1.png"))
        self.assertFalse(still.matches[0].HasField("frame"))
        self.assertEqual((still.frames_decoded, still.frames_looked_up), (0, 0))

    def test_turned_and_mirrored_copies_match_and_the_verdict_says_how(self):
        for name, orientation in TURNED.items():
            with self.subTest(name):
                upload = picture(f"scene-1-{name}.png")
                self.assert_match(self.platform.check(upload), orientation)
                verdict = self.platform.check(upload, original_orientation_only=True)
                self.assertEqual(verdict.outcome, Verdict.NO_MATCH)

    def test_a_thorough_check_finds_a_framed_copy_holds_it_and_names_the_part(self):
        upload = picture("scene-1-framed.jpg")
        fast = self.platform.check(upload)
        self.assertEqual((fast.outcome, fast.effort), (Verdict.NO_MATCH, Verdict.FAST))
        self.assertEqual(fast.variants_looked_up, 0)
        verdict = self.platform.check(upload, effort=Verdict.THOROUGH)
        self.assertEqual(verdict.outcome, Verdict.MATCH, verdict)
        self.assertEqual(verdict.effort, Verdict.THOROUGH)
        self.assertEqual(verdict.action, types_pb2.HOLD_FOR_REVIEW)
        self.assertEqual(verdict.basis, Verdict.PARTIAL_MATCH)
        self.assertIn(verdict.variants_looked_up, range(1, 18))
        [match] = verdict.matches
        self.assertEqual(match.entry, self.entry)
        self.assertLessEqual(match.distance, 31)
        self.assertEqual(match.variant.kind, types_pb2.Variant.TRIMMED)
        self.assertAlmostEqual(match.variant.x, 60, delta=4)
        self.assertAlmostEqual(match.variant.y, 60, delta=4)
        self.assert_no_hash(verdict, self.fingerprints)
        whole = self.platform.check(picture("scene-1.png"), effort=Verdict.THOROUGH)
        self.assert_match(whole, most=8)
        self.assertFalse(whole.matches[0].HasField("variant"))

    def test_of_hashes_there_is_nothing_but_a_fast_check_and_an_unknown_effort_is_refused(self):
        verdict = self.platform.check_hash(self.fingerprints[0], effort=Verdict.THOROUGH)
        self.assertEqual(verdict.effort, Verdict.FAST)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "ENUM_INVALID"):
            self.platform.check(picture("scene-1.png"), effort=7)

    def test_the_command_shows_the_part(self):
        arguments = ("check", "--json", harness.pictures() / "scene-1-framed.jpg")
        self.assertEqual(self.server.run("platform", *arguments).returncode, 0)
        done = self.server.run("platform", *arguments, "--effort", "thorough")
        self.assertEqual(done.returncode, 4, done.stderr)
        [match] = json.loads(done.stdout)["verdict"]["matches"]
        self.assertEqual(match["variant"]["kind"], "TRIMMED")
        self.assertIn("width", match["variant"])

    def test_other_pictures_do_not_match(self):
        for number in range(2, 7):
            verdict = self.platform.check(picture(f"scene-{number}.png"))
            self.assertEqual(verdict.outcome, Verdict.NO_MATCH)
            self.assertEqual(verdict.basis, Verdict.NOTHING_KNOWN)
            self.assertEqual(verdict.action, types_pb2.ACTION_UNSPECIFIED)
            self.assertFalse(verdict.matches)
            self.assertGreaterEqual(verdict.upload_quality, 50)
            self.assertGreater(verdict.revision, 0)

    def test_hashes_are_checked_like_pictures_up_to_the_distance_and_no_further(self):
        for distance in (0, 1, 31):
            verdict = self.platform.check_hash(near(self.fingerprints[0], distance))
            self.assert_match(verdict)
            self.assertEqual(verdict.matches[0].distance, distance)
        verdict = self.platform.check_hash(near(self.fingerprints[0], 32))
        self.assertEqual(verdict.outcome, Verdict.NO_MATCH)

    def test_an_orientation_sent_with_a_hash_comes_back(self):
        turned = near(self.fingerprints[0], 3)
        turned.orientation = types_pb2.FLIP_X
        self.assert_match(self.platform.check_hash(turned), types_pb2.FLIP_X)

    def test_a_request_may_be_stricter_than_the_list_and_never_wider(self):
        strict = self.platform.check_hash(near(self.fingerprints[0], 9), max_distance=8)
        self.assertEqual(strict.outcome, Verdict.NO_MATCH)
        verdict = self.platform.check_hash(near(self.fingerprints[0], 8), max_distance=8)
        self.assertEqual(verdict.matches[0].threshold, 8)
        wide = self.platform.check_hash(near(self.fingerprints[0], 32), max_distance=47)
        self.assertEqual(wide.outcome, Verdict.NO_MATCH)

    def test_many_pictures_of_one_request_are_answered_in_order(self):
        source = random.Random(3)
        asked = [near(self.fingerprints[0], i % 40) if i % 3 == 0 else random_pdq(source)
                 for i in range(1000)]
        verdicts = self.platform.match.CheckHashes(match_pb2.CheckHashesRequest(pictures=[
            match_pb2.HashedPicture(fingerprints=[fingerprint]) for fingerprint in asked])).verdicts
        self.assertEqual(len(verdicts), 1000)
        for i, verdict in enumerate(verdicts):
            known = i % 3 == 0 and i % 40 <= 31
            self.assertEqual(verdict.outcome, Verdict.MATCH if known else Verdict.NO_MATCH, i)
            if known:
                self.assertEqual(verdict.matches[0].distance, i % 40)

    def test_a_check_sees_at_least_the_revision_it_asks_for(self):
        revision = self.platform.check(picture("scene-2.png")).revision
        verdict = self.platform.check(picture("scene-2.png"), min_revision=revision)
        self.assertGreaterEqual(verdict.revision, revision)
        with self.fails(grpc.StatusCode.UNAVAILABLE, "REVISION_NOT_REACHED"):
            self.platform.check(picture("scene-2.png"), min_revision=revision + 1_000_000)

    def test_an_upload_is_matched_by_the_next_check_with_its_revision(self):
        self.flagger.create_list("fresh")
        source = random.Random(4)
        for _ in range(50):
            fingerprint = random_pdq(source)
            [response] = self.flagger.lists.UploadEntries(iter([lists_pb2.UploadEntriesRequest(
                parent="lists/fresh", entries=[lists_pb2.Entry(fingerprints=[fingerprint])])]))
            verdict = self.platform.check_hash(fingerprint, min_revision=response.revision)
            self.assertEqual(verdict.matches[0].entry, response.results[0].entry)

    def test_exact_copies_match_by_digest_even_when_featureless(self):
        self.flagger.create_list("digests")
        flat = picture("flat.png")
        self.assertEqual(self.platform.check(flat).not_scanned, Verdict.FEATURELESS)
        md5 = [f for f in self.flagger.hash_image(flat) if f.algorithm == types_pb2.MD5]
        self.flagger.upload("lists/digests", [lists_pb2.Entry(fingerprints=md5)])
        verdict = self.platform.check(flat)
        self.assertEqual(verdict.outcome, Verdict.MATCH)
        self.assertEqual(verdict.matches[0].algorithm, types_pb2.MD5)
        self.assertEqual(verdict.matches[0].distance, 0)
        self.assert_no_hash(verdict, md5)

    def test_an_allow_list_of_the_operator_beats_provisional_entries_and_no_court(self):
        fingerprint = random_pdq(random.Random(5))
        entry = lists_pb2.Entry(fingerprints=[fingerprint], case_reference="24/1")
        self.flagger.create_list("overruled")
        self.flagger.upload("lists/overruled", [entry])
        self.operator.create_list("harmless", kind=lists_pb2.List.ALLOW,
                                  category=types_pb2.CATEGORY_UNSPECIFIED)
        [allowed] = self.operator.upload("lists/harmless", [entry])
        verdict = self.platform.check_hash(near(fingerprint, 2))
        self.assertEqual(verdict.outcome, Verdict.NO_MATCH)
        self.assertEqual(verdict.basis, Verdict.ALLOW_LISTED)
        self.assertEqual(verdict.allowed_by.entry, allowed.entry)
        self.assert_no_hash(verdict, [fingerprint])
        self.authority.create_list("ordered")
        [ordered] = self.authority.upload("lists/ordered", [entry])
        verdict = self.platform.check_hash(fingerprint)
        self.assertEqual((verdict.outcome, verdict.action, verdict.basis),
                         (Verdict.MATCH, types_pb2.BLOCK, Verdict.CONFIRMED_ENTRY))
        self.assertEqual([match.entry for match in verdict.matches], [ordered.entry])
        self.assertFalse(verdict.matches[0].HasField("expire_time"))

    def test_a_list_acts_only_for_its_audience(self):
        self.flagger.create_list("for-network", audience=["network"])
        fingerprint = random_pdq(random.Random(6))
        self.flagger.upload("lists/for-network", [lists_pb2.Entry(fingerprints=[fingerprint])])
        self.assertEqual(self.other.check_hash(fingerprint).outcome, Verdict.MATCH)
        self.assertEqual(self.platform.check_hash(fingerprint).outcome, Verdict.NO_MATCH)
        with self.fails(grpc.StatusCode.NOT_FOUND, "LIST_NOT_FOUND"):
            self.platform.check_hash(fingerprint, lists=["lists/for-network"])

    def test_a_check_may_be_narrowed_to_lists(self):
        self.flagger.create_list("elsewhere")
        verdict = self.platform.check(picture("scene-1.png"), lists=["lists/elsewhere"])
        self.assertEqual(verdict.outcome, Verdict.NO_MATCH)
        verdict = self.platform.check(picture("scene-1.png"), lists=["lists/known"])
        self.assert_match(verdict)

    def test_a_list_may_ask_for_less_than_a_block(self):
        self.flagger.create_list("quiet", action=types_pb2.REPORT_ONLY)
        fingerprint = random_pdq(random.Random(7))
        self.flagger.upload("lists/quiet", [lists_pb2.Entry(fingerprints=[fingerprint])])
        verdict = self.platform.check_hash(fingerprint)
        self.assertEqual((verdict.action, verdict.basis),
                         (types_pb2.REPORT_ONLY, Verdict.LIST_ACTION))

    def test_matches_are_capped_and_counted(self):
        self.flagger.create_list("many")
        fingerprint = random_pdq(random.Random(8))
        self.flagger.upload("lists/many", [
            lists_pb2.Entry(external_reference=f"copy {i}", fingerprints=[near(fingerprint, i)])
            for i in range(20)])
        verdict = self.platform.check_hash(fingerprint, max_matches=3)
        self.assertEqual(verdict.total_matches, 20)
        self.assertEqual([match.distance for match in verdict.matches], [0, 1, 2])
        self.assertEqual(len(self.platform.check_hash(fingerprint).matches), 16)


class Streams(harness.ServerTest):
    """StreamCheck."""

    def setUp(self):
        if not hasattr(type(self), "fingerprints"):
            type(self).fingerprints = self.flagger.hash_image(picture("scene-1.png"))
            self.flagger.create_list("known")
            self.flagger.upload("lists/known", [lists_pb2.Entry(fingerprints=self.fingerprints)])

    def questions(self, count):
        """Mixed questions and the outcome of each by id; None: a problem."""
        source = random.Random(11)
        asked = []
        expected = {}
        for i in range(count):
            request = match_pb2.StreamCheckRequest(id=f"question {i}")
            kind = i % 8
            if kind == 0:
                request.image = picture("scene-1-coarse.jpg")
                expected[request.id] = Verdict.MATCH
            elif kind == 1:
                request.image = picture("scene-2.png")
                expected[request.id] = Verdict.NO_MATCH
            elif kind == 2:
                request.image = b"not a picture"
                expected[request.id] = Verdict.NOT_SCANNED
            elif kind == 3:
                request.hashes.fingerprints.append(near(self.fingerprints[0], 5))
                expected[request.id] = Verdict.MATCH
            elif kind == 4:
                request.hashes.fingerprints.append(random_pdq(source))
                expected[request.id] = Verdict.NO_MATCH
            elif kind == 5:
                request.hashes.fingerprints.add(algorithm=types_pb2.PDQ, hex="abc")
                expected[request.id] = None
            else:
                expected[request.id] = [Verdict.MATCH if known else Verdict.NO_MATCH
                                        for known in source.choices((True, False), k=1 + i % 21)]
                for outcome in expected[request.id]:
                    request.batch.pictures.add().fingerprints.append(
                        near(self.fingerprints[0], 3) if outcome == Verdict.MATCH
                        else random_pdq(source))
                if kind == 7:
                    request.batch.pictures.add().fingerprints.add(algorithm=types_pb2.MD5)
                    expected[request.id] = None
            asked.append(request)
        return asked, expected

    def test_every_question_of_a_long_mixed_stream_is_answered_once(self):
        asked, expected = self.questions(600)
        answered = {}
        for answer in self.platform.match.StreamCheck(iter(asked)):
            self.assertNotIn(answer.id, answered)
            answered[answer.id] = answer
            self.assert_no_hash(answer, self.fingerprints)
        self.assertEqual(answered.keys(), expected.keys())
        for name, outcome in expected.items():
            answer = answered[name]
            if outcome is None:
                self.assertEqual((answer.problem.code, answer.problem.reason),
                                 (grpc.StatusCode.INVALID_ARGUMENT.value[0], "HASH_MALFORMED"))
            elif isinstance(outcome, list):
                self.assertEqual([v.outcome for v in answer.verdicts.verdicts], outcome, name)
            else:
                self.assertEqual(answer.verdict.outcome, outcome, name)

    def test_a_bad_question_gets_a_problem_and_the_stream_goes_on(self):
        asked = [
            match_pb2.StreamCheckRequest(id="nothing"),
            match_pb2.StreamCheckRequest(id="long" * 33, image=picture("scene-1.png")),
            match_pb2.StreamCheckRequest(id="€" * 50, image=picture("scene-1.png")),
            match_pb2.StreamCheckRequest(id="list", image=picture("scene-1.png"),
                                         settings={"lists": ["lists/unknown"]}),
            match_pb2.StreamCheckRequest(id="far", image=picture("scene-1.png"),
                                         settings={"max_distance": 48}),
            match_pb2.StreamCheckRequest(id="newer", image=picture("scene-1.png"),
                                         settings={"min_revision": 1 << 62}),
            match_pb2.StreamCheckRequest(id="none", batch={}),
            match_pb2.StreamCheckRequest(id="many", batch={"pictures": [{}] * 1001}),
            match_pb2.StreamCheckRequest(id="empt", batch={"pictures": [{}]}),
            match_pb2.StreamCheckRequest(id="good", image=picture("scene-1.png")),
        ]
        answers = {a.id: a for a in self.platform.match.StreamCheck(iter(asked))}
        self.assertEqual(len(answers), len(asked))
        reasons = {name[:4]: answer.problem.reason for name, answer in answers.items()}
        self.assertEqual(reasons, {"noth": "PICTURE_MISSING", "long": "OUT_OF_RANGE",
                                   "€€€€": "OUT_OF_RANGE", "list": "LIST_NOT_FOUND",
                                   "far": "MAX_DISTANCE_INVALID", "newe": "REVISION_NOT_REACHED",
                                   "none": "OUT_OF_RANGE", "many": "OUT_OF_RANGE",
                                   "empt": "HASH_MALFORMED",
                                   "good": ""})
        self.assertEqual(answers["good"].verdict.outcome, Verdict.MATCH)

    def test_a_caller_that_reads_late_gets_every_answer(self):
        asked, expected = self.questions(200)
        stream = self.platform.match.StreamCheck(iter(asked))
        # More calls pass while nobody reads the stream's answers.
        for _ in range(20):
            self.platform.check(picture("scene-2.png"))
        self.assertEqual({answer.id for answer in stream}, expected.keys())

    def test_a_message_that_cannot_be_parsed_ends_the_stream_with_an_error(self):
        good = match_pb2.StreamCheckRequest(id="good", image=picture("scene-1.png"))
        call = self.platform.channel.stream_stream(
            "/vigie.v1.MatchService/StreamCheck", request_serializer=bytes,
            response_deserializer=match_pb2.StreamCheckResponse.FromString)
        for bad in (b"\xff\xff\xff", b"\x0a\x02\xff\xff\x12\x01x"):  # the second: id is no UTF-8
            answered = []
            with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED"):
                answered.extend(call(
                    iter([good.SerializeToString(), bad, good.SerializeToString()]),
                    metadata=[("authorization", f"Bearer {self.platform.key}")], timeout=60))
            self.assertLessEqual(len(answered), 2)

    def test_a_stream_without_questions_ends_well(self):
        self.assertEqual(list(self.platform.match.StreamCheck(iter([]))), [])

    def test_a_cancelled_stream_leaves_the_server_answering(self):
        asked, _ = self.questions(100)
        for _ in range(20):
            stream = self.platform.match.StreamCheck(iter(asked))
            next(stream)
            stream.cancel()
        self.assertEqual(self.platform.check(picture("scene-1.png")).outcome, Verdict.MATCH)


class Hashing(harness.ServerTest):
    """HashImage."""

    def test_a_submitter_gets_the_values_that_match(self):
        values = self.flagger.hash_image(picture("scene-1.png"))
        self.assertEqual([v.algorithm for v in values],
                         [types_pb2.PDQ, types_pb2.SHA256, types_pb2.MD5])
        self.assertEqual([len(v.hex) for v in values], [64, 64, 32])
        self.assertEqual((values[0].profile, values[0].decode_mode),
                         (types_pb2.REFERENCE, types_pb2.EXACT))
        printed = harness.run("hash", harness.pictures() / "scene-1.png").stdout
        self.assertEqual(printed.split(",")[0], values[0].hex)
        full = self.flagger.match.HashImage(match_pb2.HashImageRequest(
            image=picture("scene-1-large.jpg"), profile=types_pb2.FULL)).fingerprints
        self.assertEqual(full[0].profile, types_pb2.FULL)

    def test_an_animation_gives_a_fingerprint_for_each_frame(self):
        values = self.flagger.hash_image(picture("animation-2-1-3.webp"))
        self.assertEqual([v.algorithm for v in values],
                         [types_pb2.PDQ] * 3 + [types_pb2.SHA256, types_pb2.MD5])

    def test_a_bad_picture_is_an_error_with_its_reason(self):
        for image, reason in ((b"", "IMAGE_CORRUPT"), (b"%PDF-1.7" + bytes(20), "UNSUPPORTED_FORMAT"),
                              (picture("scene-1-same.jpg")[:3000], "IMAGE_CORRUPT")):
            with self.subTest(reason), self.fails(grpc.StatusCode.INVALID_ARGUMENT, reason):
                self.flagger.hash_image(image)


if __name__ == "__main__":
    harness.main()
