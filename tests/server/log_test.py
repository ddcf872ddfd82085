"""The log of a whole session at level debug holds no hash, no secret of a key, no picture."""

import base64
import random
import re

import grpc

import harness
from harness import picture, run
from match_test import random_pdq
from vigie.v1 import lists_pb2, match_pb2, types_pb2

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
        server = harness.Server(
            "--log.level", "debug",
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
        # It was a log: every method's name, callers by the id of their key, reasons.
        for word in (b"CheckImage", b"StreamCheck", b"UploadEntries", b"WithdrawEntry",
                     b"organisation=forum", b"reason=KEY_INVALID", b"reason=HASH_MALFORMED",
                     b"key=" + server.keys["flagger"].split("_")[1].encode()):
            self.assertIn(word, log)


if __name__ == "__main__":
    harness.main()
