"""Local fingerprints from the command line: made here, imported from files and folders, used when the
list takes them, never given back."""

import base64
import json
import os
import shutil

import harness
from harness import picture, pictures, run
from vigie.v1 import lists_pb2, match_pb2, types_pb2

PRINCIPALS = harness.ServerTest.principals
HEADER = 10  # bytes of a local fingerprint before its places
PLACE = 37


def hash_lines(*arguments):
    done = run("hash", "--local", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    return [json.loads(line) for line in done.stdout.splitlines()]


class HashLocal(harness.TestCase):
    """vigie hash --local."""

    def test_a_picture_has_one_when_places_stand_out(self):
        detailed, flat = hash_lines(pictures() / "detailed-1.png", pictures() / "flat.png")
        value = base64.b64decode(detailed["local"], validate=True)
        self.assertEqual(value[:4], b"VL\x01\x00")
        width, height, places = (int.from_bytes(value[i:i + 2], "little") for i in (4, 6, 8))
        self.assertEqual((width, height), (480, 360))
        self.assertTrue(8 <= places <= 180, places)
        self.assertEqual(len(value), HEADER + PLACE * places)
        self.assertNotIn("local", flat)
        self.assertEqual(len(detailed["hash"]), 64)

    def test_with_the_other_options(self):
        names = [pictures() / f"detailed-{n}.png" for n in (1, 2, 3)]
        one = hash_lines("--threads", "1", *names)
        self.assertEqual(hash_lines("--threads", "3", *names), one)
        self.assertEqual(len({line["local"] for line in one}), 3)
        turned = hash_lines("--dihedral", names[0])
        self.assertEqual([("local" in line, line["orientation"]) for line in turned][:2],
                         [(True, "original"), (False, "rot90")])
        self.assertEqual(sum("local" in line for line in turned), 1)
        [full] = hash_lines("--profile", "full", names[0])
        self.assertEqual((full["local"], full["profile"]), (one[0]["local"], "full"))
        # Hashes are those of without.
        plain = run("hash", "--json", *names).stdout
        self.assertEqual([json.loads(line)["hash"] for line in plain.splitlines()],
                         [line["hash"] for line in one])

    def test_it_is_what_the_server_makes(self):
        with_server = harness.Server(principals=PRINCIPALS)
        try:
            response = with_server.client("flagger").match.HashImage(match_pb2.HashImageRequest(
                image=picture("detailed-2.png"), local=True))
        finally:
            with_server.stop()
        [line] = hash_lines(pictures() / "detailed-2.png")
        self.assertEqual(response.local_fingerprint, base64.b64decode(line["local"]))
        self.assertEqual(response.fingerprints[0].hex, line["hash"])


class LocalLists(harness.TestCase):
    """Lists with and without `local`; a server of its own for each test, as some restart it."""

    def setUp(self):
        self.server = harness.Server(principals=PRINCIPALS)
        self.addCleanup(lambda: self.server.stop())
        self.folder = harness.new_folder() / "pictures"
        (self.folder / "below").mkdir(parents=True)
        for name, source in (("a.png", "detailed-1.png"), ("below/b é.png", "detailed-2.png"),
                             ("c.png", "detailed-3.png"), ("d.jpg", "scene-1.jpg")):
            (self.folder / name).write_bytes(picture(source))
        self.upload = pictures() / "detailed-1-cropped.jpg"

    def vigie(self, *arguments, **options):
        return self.server.run("flagger", "list", *arguments, **options)

    def make_list(self, *flags):
        done = self.vigie("create", "known", "--category", "ncii", *flags)
        self.assertEqual(done.returncode, 0, done.stderr)

    def check(self, effort="thorough"):
        """The verdict on the upload."""
        done = self.server.run("platform", "check", "--effort", effort, "--json", self.upload)
        self.assertIn(done.returncode, (0, 4), done.stderr)
        return json.loads(done.stdout)["verdict"]

    def assert_found(self):
        verdict = self.check()
        self.assertEqual((verdict["outcome"], verdict.get("action")), ("MATCH", "HOLD_FOR_REVIEW"))
        match = verdict["matches"][0]
        self.assertEqual((match["algorithm"], match["action"]), ("LOCAL", "HOLD_FOR_REVIEW"))
        self.assertGreaterEqual(match["local"]["inliers"], 8)
        self.assertNotIn("distance", match)
        return match

    def assert_not_found(self):
        self.assertEqual(self.check()["outcome"], "NO_MATCH")

    def test_a_folder_is_imported_and_a_part_of_a_picture_is_found(self):
        self.make_list("--local")
        done = self.vigie("import", "known", self.folder)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "4 added, 0 there before, 0 refused\n", ""))
        entries = {e.external_reference: e for e in self.server.client("flagger").entries(
            "lists/known", view=lists_pb2.WITH_FINGERPRINTS)}
        self.assertEqual(set(entries), {"a.png", "below/b é.png", "c.png", "d.jpg"})
        self.assertEqual([types_pb2.Algorithm.Name(f.algorithm)
                          for f in entries["a.png"].fingerprints], ["PDQ", "SHA256", "MD5"])
        self.assertEqual(list(entries["a.png"].fingerprints),
                         list(self.server.client("flagger").hash_image(picture("detailed-1.png"))))
        match = self.assert_found()
        self.assertEqual(match["entry"], entries["a.png"].name)
        self.assertEqual(self.check(effort="fast")["outcome"], "NO_MATCH")
        text = self.server.run("platform", "check", "--effort", "thorough", self.upload)
        self.assertRegex(text.stdout, r"\tmatch\thold_for_review\t\d+ places, \d+ % of the known "
                                      r"picture\tnot mirrored\tlists/known/entries/")
        again = self.vigie("import", "known", self.folder)
        self.assertEqual((again.returncode, again.stdout),
                         (0, "0 added, 4 there before, 0 refused\n"))

    def test_a_policy_that_is_tried_knows_that_it_was_a_part(self):
        self.make_list("--local")
        self.vigie("import", "known", self.folder)
        self.assert_found()
        self.server.stop()
        policy = self.folder / "policy.toml"
        policy.write_text('name = "same"\n')
        done = run("policy", "try", policy, "--data_dir", self.server.data_dir, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual((report["verdicts"], report["changed"]), (1, 0))
        self.assertEqual([(row["given"], row["new"]) for row in report["answers"]],
                         [("hold_for_review", "hold_for_review")])

    def test_a_policy_that_is_tried_knows_of_parts_of_hash_only_lists(self):
        self.make_list()
        self.vigie("import", "known", self.folder)
        self.upload = pictures() / "scene-1-framed.jpg"
        verdict = self.check()
        self.assertEqual((verdict["action"], verdict["matches"][0]["variant"]["kind"]),
                         ("HOLD_FOR_REVIEW", "TRIMMED"))
        self.server.stop()
        policy = self.folder / "policy.toml"
        policy.write_text('name = "same"\n')
        done = run("policy", "try", policy, "--data_dir", self.server.data_dir, "--json")
        report = json.loads(done.stdout)
        self.assertEqual((report["verdicts"], report["changed"]), (1, 0))

    def test_entries_that_are_there_gain_theirs_when_the_list_opts_in(self):
        self.make_list()
        self.vigie("import", "known", self.folder)
        self.assert_not_found()
        self.assertEqual(self.vigie("update", "known", "--local", "on").returncode, 0)
        trial = self.vigie("import", "known", "--dry_run", self.folder)
        gain = "4 of those there before {} local fingerprints\n"
        self.assertEqual(trial.stdout.splitlines()[1].strip() + "\n", gain.format("would gain"))
        self.assert_not_found()
        done = self.vigie("import", "known", self.folder, "--json")
        report = json.loads(done.stdout)
        self.assertEqual((report["added"], report["there_before"], report["local_added"]),
                         (0, 4, 4))
        self.assert_found()
        again = self.vigie("import", "known", self.folder)
        self.assertEqual(again.stdout, "0 added, 4 there before, 0 refused\n")
        self.server.stop()
        verified = run("audit", "verify", "--data_dir", self.server.data_dir)
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_it_is_never_given_back(self):
        self.make_list("--local")
        lines = hash_lines(self.folder)
        values = [base64.b64decode(line["local"]) for line in lines if "local" in line]
        self.assertGreaterEqual(len(values), 3)
        done = self.vigie("import", "known", "-", input="\n".join(map(json.dumps, lines)))
        self.assertEqual((done.returncode, done.stdout),
                         (0, "4 added, 0 there before, 0 refused\n"), done.stderr)
        self.assert_found()
        for e in self.server.client("flagger").entries("lists/known",
                                                       view=lists_pb2.WITH_FINGERPRINTS):
            self.assertEqual(e.local_fingerprint, b"")
        for form in ("jsonl", "csv", "plain"):
            shown = self.vigie("export", "known", "--format", form).stdout
            self.assertNotIn("local", shown)
            for value in values:
                self.assertNotIn(base64.b64encode(value).decode()[20:60], shown)
        self.server.stop()
        for value in values:
            self.assertNotIn(base64.b64encode(value).decode()[20:60], self.server.log())

    def test_a_list_without_it_takes_none_and_a_folder_all_the_same(self):
        self.make_list()
        lines = hash_lines(self.folder / "a.png", self.folder / "d.jpg")
        self.assertIn("local", lines[0])
        lines[1].pop("local", None)
        done = self.vigie("import", "known", "-", input="\n".join(map(json.dumps, lines)))
        self.assertEqual((done.returncode, done.stdout),
                         (1, "1 added, 0 there before, 1 refused\n"))
        self.assertRegex(done.stderr, r"(?m)^line 1: .*\(LOCAL_TIER_OFF\)$")
        done = self.vigie("import", "known", self.folder)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "4 added, 0 there before, 0 refused\n"), done.stderr)
        self.assert_not_found()

    def test_switched_off_it_is_not_used_and_kept(self):
        self.make_list("--local")
        self.assertEqual(self.vigie("import", "known", self.folder).returncode, 0)
        self.assert_found()
        self.assertEqual(self.vigie("update", "known", "--local", "off").returncode, 0)
        self.assert_not_found()
        self.assertEqual(self.vigie("update", "known", "--local", "on").returncode, 0)
        self.assert_found()

    def test_it_survives_a_restart_also_while_switched_off(self):
        self.make_list("--local")
        self.assertEqual(self.vigie("import", "known", self.folder).returncode, 0)
        self.restart()
        self.assert_found()
        self.assertEqual(self.vigie("update", "known", "--local", "off").returncode, 0)
        self.restart()
        self.assert_not_found()
        self.assertEqual(self.vigie("update", "known", "--local", "on").returncode, 0)
        self.assert_found()

    def restart(self):
        keys = self.server.keys
        self.assertEqual(self.server.stop(), 0)
        self.server = harness.Server(data_dir=self.server.data_dir)
        self.server.keys = keys

    def test_erasing_the_entry_erases_it(self):
        self.make_list("--local")
        [line] = hash_lines(self.folder / "a.png")
        places = base64.b64decode(line["local"])[HEADER:HEADER + 20 * PLACE]
        self.assertEqual(self.vigie("import", "known", self.folder).returncode, 0)
        name = self.assert_found()["entry"]

        def held():
            return any(places in path.read_bytes() for path in self.server.data_dir.glob("vigie.db*"))
        self.assertTrue(held())
        done = self.server.run("flagger", "review", "erase", name, "--person", "Ana Lys",
                               "--reason", "data_protection")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_not_found()
        self.assertFalse(held())

    def test_what_is_no_picture_is_named_and_the_rest_goes_on(self):
        self.make_list("--local")
        (self.folder / "below" / "text.jpg").write_text("text")
        (self.folder / "cut.jpg").write_bytes(picture("scene-1.jpg")[:4000])
        (self.folder / "flat.png").write_bytes(picture("flat.png"))
        os.mkfifo(self.folder / "pipe.png")
        with open(os.fsencode(self.folder) + b"/caf\xe9.png", "wb") as file:
            file.write(picture("scene-2.png"))
        for _ in range(2):  # a rehearsal writes nothing
            done = self.vigie("import", "known", self.folder, "--dry_run", "--json")
            self.assertEqual(done.returncode, 1, done.stderr)
            report = json.loads(done.stdout)
            self.assertEqual((report["dry_run"], report["added"]), (True, 4))
            self.assertEqual(report["refused"],
                             {"UNSUPPORTED_FORMAT": 1, "IMAGE_CORRUPT": 1, "QUALITY_TOO_LOW": 1,
                              "FILE_UNREADABLE": 1, "NAME_INVALID": 1})
        done = self.vigie("import", "known", self.folder)
        self.assertEqual((done.returncode, done.stdout),
                         (1, "4 added, 0 there before, 5 refused\n"))
        for place, reason in (("below/text.jpg", "UNSUPPORTED_FORMAT"), ("cut.jpg", "IMAGE_CORRUPT"),
                              ("flat.png", "QUALITY_TOO_LOW"), ("pipe.png", "FILE_UNREADABLE")):
            self.assertRegex(done.stderr, rf"(?m)^{place}: .*\({reason}\)$")

    def test_messages_are_bounded_in_bytes(self):
        """The smallest that a server takes is 4 MiB."""
        self.server.stop()
        self.server = harness.Server("--limits.max_image_bytes", 1 << 20, principals=PRINCIPALS)
        self.make_list("--local")
        [line] = hash_lines(pictures() / "detailed-1.png")
        lines = [json.dumps({**line, "filename": f"{i}.png",
                             "hash": [os.urandom(32).hex() for _ in range(60)]})
                 for i in range(490)]
        self.assertGreater(sum(map(len, lines)), 6 << 20)
        done = self.vigie("import", "known", "-", input="\n".join(lines))
        self.assertEqual((done.returncode, done.stdout),
                         (0, "490 added, 0 there before, 0 refused\n"), done.stderr)

    def test_folders_that_are_empty_or_missing_and_lists_that_are_not_there(self):
        self.make_list()
        empty = harness.new_folder()
        done = self.vigie("import", "known", empty)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "0 added, 0 there before, 0 refused\n"), done.stderr)
        done = self.vigie("import", "no-such-list", self.folder)
        self.assertEqual((done.returncode, "(LIST_NOT_FOUND)" in done.stderr), (3, True))
        shutil.rmtree(empty)
        done = self.vigie("import", "known", empty)
        self.assertEqual((done.returncode, "(FILE_UNREADABLE)" in done.stderr), (3, True))


if __name__ == "__main__":
    harness.main()
