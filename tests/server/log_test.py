"""The log of a whole session at level debug holds no hash, no secret of a key, no picture."""

import base64
import json
import random
import re

import grpc

import harness
from harness import picture, run
from match_test import random_pdq
from vigie.v1 import lists_pb2, match_pb2, match_pb2_grpc, types_pb2

# Hex digits in a row that no line of a log needs; a hash has 32 or more.
LONG_HEX = re.compile(rb"[0-9a-fA-F]{24}")


class Log(harness.TestCase):
    """One session, everything a server can be asked."""

    def session(self, server):
        """Calls everything, well and badly; returns the bytes that must not be logged."""
        flagger, platform = server.client("flagger"), server.client("platform")
        source = random.Random(1)
        entries = [lists_pb2.Entry(external_reference=f"entry {i}",
                                   fingerprints=[random_pdq(source)]) for i in range(50)]
        values = list(flagger.hash_image(picture("scene-1.png")))
        flagger.create_list("known")
        results = flagger.upload("lists/known", [*entries, lists_pb2.Entry(fingerprints=values)])
        flagger.upload("lists/known", entries)
        conflict = lists_pb2.Entry(external_reference="entry 1", fingerprints=values)
        odd = types_pb2.Fingerprint(algorithm=types_pb2.PDQ, hex="z" + source.randbytes(32).hex())
        flagger.upload("lists/known", [conflict, lists_pb2.Entry(fingerprints=[odd])])
        flagger.entries("lists/known", view=lists_pb2.WITH_FINGERPRINTS)
        flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(name=results[0].entry))
        pictures = [picture(name) for name in ("scene-1.png", "scene-2.png", "flat.png",
                                               "scene-1-same.jpg")]
        pictures += [pictures[0][:5000], pictures[3][:5000], b"", b"a text in place of a picture"]
        for image in pictures:
            platform.check(image)
        asked = [match_pb2.StreamCheckRequest(id=str(i), image=image)
                 for i, image in enumerate(pictures)]
        asked.append(match_pb2.StreamCheckRequest(id="odd", hashes={"fingerprints": [odd]}))
        list(platform.match.StreamCheck(iter(asked)))
        platform.check_hash(values[0])
        secrets = [key.split("_")[2] for key in server.keys.values()]
        wrong = "vgk_" + secrets[0][:16] + "_" + secrets[1][:51] + "b"
        for client, call in (
                (platform, lambda c: c.check_hash(odd)),
                (platform, lambda c: c.hash_image(pictures[0])),
                (server.client_with_key(wrong), lambda c: c.check(pictures[0])),
                (server.client_with_key("vgk_" + values[0].hex), lambda c: c.check(pictures[0])),
                (platform, lambda c: c.check(pictures[0], lists=["lists/" + values[0].hex])),
                (flagger, lambda c: c.create_list(values[0].hex)),
                (flagger, lambda c: c.lists.GetEntry(
                    lists_pb2.GetEntryRequest(name="lists/known/entries/" + values[0].hex)))):
            with self.assertRaises(grpc.RpcError):
                call(client)
        server.run("flagger", "list", "export", "known")
        server.run("platform", "check", "--hash-only", harness.pictures() / "scene-1.png")
        fingerprints = [*values, odd, *(f for e in entries for f in e.fingerprints)]
        forbidden = [f.hex.encode() for f in fingerprints]
        forbidden += [f.hex.upper().encode() for f in fingerprints]
        forbidden += [bytes.fromhex(f.hex.lstrip("z")) for f in fingerprints]
        forbidden += [base64.b64encode(bytes.fromhex(f.hex.lstrip("z"))) for f in fingerprints]
        forbidden += [secret.encode() for secret in (*secrets, wrong)]
        forbidden += [base64.b32decode(s.upper() + "=" * (-len(s) % 8)) for s in secrets]
        forbidden += [image[at:at + 16] for image in pictures for at in range(0, len(image), 997)
                      if len(image) >= at + 16]
        return forbidden

    def test_no_hash_secret_or_picture_is_logged(self):
        log = self.log_of_a_session()
        # It was a log: every method's name, callers by the id of their key, reasons.
        for word in (b"CheckImage", b"StreamCheck", b"UploadEntries", b"WithdrawEntry",
                     b"organisation=forum", b"reason=KEY_INVALID", b"reason=HASH_MALFORMED"):
            self.assertIn(word, log)

    def log_of_a_session(self, *flags):
        server = harness.Server(
            "--log.level", "debug", *flags,
            principals={"flagger": ("helpline", "trusted_flagger"),
                        "platform": ("forum", "platform")})
        self.addCleanup(server.stop)
        forbidden = self.session(server)
        revoked = run("key", "revoke", "--data_dir", server.data_dir,
                      server.keys["platform"].split("_")[1])
        self.assertEqual(revoked.returncode, 0)
        self.assertEqual(server.stop(), 0)
        log = server.log_path.read_bytes()
        for needle in forbidden:
            self.assertNotIn(needle, log)
        self.assertFalse(LONG_HEX.search(log), LONG_HEX.search(log))
        self.assertIn(server.keys["flagger"].split("_")[1].encode(), log)
        return log

    def test_every_line_is_an_object_in_json(self):
        log = self.log_of_a_session("--log.format", "json").decode()
        lines = [json.loads(line) for line in log.splitlines()]
        self.assertGreater(len(lines), 20)
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(line["level"], ("debug", "info", "warning", "error"))
            self.assertEqual(("message" in line) + ("event" in line), 1, line)
        calls = [line for line in lines if line.get("event") == "call"]
        self.assertLessEqual({"CheckImage", "StreamCheck", "UploadEntries"},
                             {call["method"] for call in calls})
        for call in calls:
            self.assertRegex(call["request"], r"^[0-9a-f]{16}$")
            self.assertIsInstance(call["us"], int)
        self.assertEqual(len({call["request"] for call in calls}), len(calls))
        self.assertIn("KEY_INVALID", {call.get("reason") for call in calls})
        self.assertIn("stopped", {line.get("message") for line in lines})

    def test_a_server_that_cannot_start_says_so_in_json(self):
        folder = harness.new_folder()
        (folder / "file").write_text("no folder")
        failed = run("serve", "--data_dir", folder / "file", "--log.format", "json",
                     "--listen", "127.0.0.1:0")
        self.assertEqual(failed.returncode, 3)
        lines = [json.loads(line) for line in failed.stderr.splitlines()]
        self.assertEqual(lines[-1]["level"], "error")
        self.assertTrue(lines[-1]["reason"])


class Names(harness.TestCase):
    """Request ids and traces, from the caller to the log and back."""

    TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

    def setUp(self):
        self.server = harness.Server("--log.level", "debug", "--log.format", "json",
                                     principals={"platform": ("forum", "platform")})
        self.addCleanup(self.server.stop)
        self.client = self.server.client("platform")

    def call(self, *metadata, key=None):
        """The metadata that one check returns, as a dictionary."""
        check = match_pb2_grpc.MatchServiceStub(self.client.channel).CheckImage.future(
            match_pb2.CheckImageRequest(image=b"no picture"), timeout=harness.WAIT_SECONDS,
            metadata=[("authorization", f"Bearer {key or self.client.key}"), *metadata])
        check.exception()
        return {each.key: each.value for each in check.initial_metadata()}

    def lines(self):
        self.assertEqual(self.server.stop(), 0)
        found = [json.loads(line) for line in self.server.log().splitlines()]
        return [line for line in found if line.get("event") == "call"]

    def test_every_call_has_an_id_that_its_caller_gets(self):
        ids = [self.call()["x-request-id"] for _ in range(3)]
        ids.append(self.call(key="vgk_wrong")["x-request-id"])
        stream = self.client.match.StreamCheck(iter([match_pb2.StreamCheckRequest(id="a")]))
        list(stream)
        ids += [each.value for each in stream.initial_metadata() if each.key == "x-request-id"]
        self.assertEqual(len(set(ids)), 5)
        self.assertEqual([line["request"] for line in self.lines()], ids)

    def test_the_callers_id_is_kept_beside_ours(self):
        ours = self.call(("x-request-id", "upload-7.a_b"))["x-request-id"]
        self.call(("x-request-id", "x" * 37))
        self.call(("x-request-id", "a b"))
        self.call(("x-request-id", "one"), ("x-request-id", "two"))
        lines = self.lines()
        self.assertEqual((lines[0]["request"], lines[0]["caller_request"]), (ours, "upload-7.a_b"))
        for line in lines[1:]:
            self.assertNotIn("caller_request", line)

    def test_a_trace_is_logged_and_passed_on(self):
        names = self.call(("traceparent", f"00-{self.TRACE}-00f067aa0ba902b7-01"))
        self.assertEqual(names["traceparent"], f"00-{self.TRACE}-{names['x-request-id']}-01")
        for bad in (f"00-{self.TRACE.upper()}-00f067aa0ba902b7-01", f"00-{self.TRACE}",
                    f"00-{'0' * 32}-00f067aa0ba902b7-01", "x"):
            self.assertNotIn("traceparent", self.call(("traceparent", bad)))
        self.assertNotIn("traceparent", self.call())
        lines = self.lines()
        self.assertEqual([line.get("trace") for line in lines], [self.TRACE] + [None] * 5)


if __name__ == "__main__":
    harness.main()
