"""vigie list: making, filling, exporting and showing lists from files of every form."""

import json
import os
import random

import harness
from harness import run
from vigie.v1 import lists_pb2, types_pb2


class ListCommands(harness.ServerTest):
    """Each test has a list of its own."""

    def setUp(self):
        self.source = random.Random(self.id())
        self.list_id = "l" + self.source.randbytes(8).hex()
        made = self.vigie("create", self.list_id, "--category", "ncii")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.folder = harness.new_folder()

    def vigie(self, *arguments, **options):
        return self.server.run("flagger", "list", *arguments, **options)

    def value(self, size=32):
        return self.source.randbytes(size).hex()

    def import_text(self, text):
        """Imports a file of this content: (exit code, summary line, error lines)."""
        path = self.folder / "import"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = self.vigie("import", self.list_id, path)
        return done.returncode, done.stdout.strip(), done.stderr.splitlines()

    def stored(self, list_id=None):
        """{external reference: {(algorithm, hex, quality)}} of a list."""
        return {e.external_reference: {(types_pb2.Algorithm.Name(f.algorithm), f.hex, f.quality)
                                       for f in e.fingerprints}
                for e in self.flagger.entries(f"lists/{list_id or self.list_id}",
                                              view=lists_pb2.WITH_FINGERPRINTS)}

    def test_create_and_show(self):
        name = self.list_id + "x"
        made = self.vigie("create", name, "--category", "csam", "--action", "hold_for_review",
                          "--display-name", "Shown", "--max-distance", "20",
                          "--provisional-hours", "48", "--audience", "forum", "--audience", "b")
        self.assertEqual(made.returncode, 0, made.stderr)
        shown = self.vigie("show", name)
        self.assertEqual(shown.stdout, made.stdout)
        values = json.loads(shown.stdout)
        self.assertEqual((values["name"], values["category"], values["action"],
                          values["displayName"], values["maxDistance"], values["audience"]),
                         (f"lists/{name}", "CSAM", "HOLD_FOR_REVIEW", "Shown", 20, ["forum", "b"]))
        self.assertIn(f'"lists/{name}"', self.vigie("show").stdout)
        self.assertEqual(self.vigie("show", "none").returncode, 3)
        self.assertEqual(self.vigie("create", name).returncode, 3)
        self.assertEqual(self.vigie("create", "a", "--category", "none").returncode, 2)
        self.assertEqual(self.vigie("create", "a", "--kind", "none").returncode, 2)
        self.assertEqual(self.vigie("create", "a", "--action", "none").returncode, 2)
        made = json.loads(self.vigie("create", name + "y", "--local", "--no-parts").stdout)
        self.assertEqual((made["local"], made["parts"]), (True, False))
        self.assertEqual(self.vigie("create", name + "z", "--kind", "allow", "--local").returncode,
                         3)

    def test_update_changes_what_is_given(self):
        before = json.loads(self.vigie("show", self.list_id).stdout)
        self.assertEqual((before["parts"], before["local"]), (True, False))
        done = self.vigie("update", self.list_id, "--display-name", "New", "--max-distance", "0",
                          "--parts", "off", "--audience", "forum", "--audience", "b")
        self.assertEqual(done.returncode, 0, done.stderr)
        after = json.loads(done.stdout)
        changed = {"displayName": "New", "maxDistance": 0, "parts": False,
                   "audience": ["forum", "b"], "updateTime": after["updateTime"]}
        self.assertEqual(after, {**before, **changed})
        self.assertEqual(self.vigie("show", self.list_id).stdout, done.stdout)
        done = self.vigie("update", f"lists/{self.list_id}", "--every-platform", "--local", "on",
                          "--action", "report_only", "--provisional-hours", "5", "--parts", "on")
        values = json.loads(done.stdout)
        self.assertEqual((values.get("audience", []), values["local"], values["action"],
                          values["provisionalHours"], values["parts"], values["maxDistance"]),
                         ([], True, "REPORT_ONLY", 5, True, 0))
        done = self.vigie("update", self.list_id, "--max-distance", "500")
        self.assertEqual((done.returncode, "(LIST_INVALID)" in done.stderr), (3, True), done.stderr)
        self.assertEqual(self.vigie("update", "no-such-list", "--parts", "on").returncode, 3)
        for wrong in ([], ["--parts", "maybe"], ["--every-platform", "--audience", "b"]):
            self.assertEqual(self.vigie("update", self.list_id, *wrong).returncode, 2, wrong)

    def test_plain_lines_as_the_fields_tools_print_them(self):
        a, b, c, d = (self.value() for _ in range(4))
        code, summary, errors = self.import_text(
            f"# a comment\n{a},88,photo, with commas, and so on.jpg\n\n{b},77\n{c}\n"
            f"{d.upper()},100,é.png")
        self.assertEqual((code, summary, errors),
                         (0, "4 added, 0 there before, 0 refused", []))
        stored = self.stored()
        self.assertEqual(stored["photo, with commas, and so on.jpg"], {("PDQ", a, 88)})
        self.assertEqual(stored["é.png"], {("PDQ", d, 100)})
        self.assertIn({("PDQ", b, 77)}, stored.values())
        self.assertIn({("PDQ", c, 100)}, stored.values())

    def test_csv_with_header_quotes_byte_order_mark_and_crlf(self):
        pdq, md5, sha1, sha256 = self.value(), self.value(16), self.value(20), self.value()
        other = self.value()
        code, summary, errors = self.import_text(
            "\ufeffExternal_Reference,PDQ,quality,md5,sha1,sha256,subject,jurisdiction\r\n"
            f'"one, ""quoted""",{pdq},90,{md5},{sha1},{sha256},adult,FR\r\n'
            f"two,{other},80,,,,,\r\n")
        self.assertEqual((code, summary, errors), (0, "2 added, 0 there before, 0 refused", []))
        stored = self.stored()
        self.assertEqual(stored['one, "quoted"'],
                         {("PDQ", pdq, 90), ("MD5", md5, 0), ("SHA1", sha1, 0),
                          ("SHA256", sha256, 0)})
        self.assertEqual(stored["two"], {("PDQ", other, 80)})

    def test_json_lines_with_several_values_an_entry(self):
        values = [self.value() for _ in range(3)]
        md5 = self.value(16)
        lines = [{"external_reference": "many", "pdq": values[:2], "md5": md5, "quality": 70,
                  "subject": "minor", "case_reference": "24/3", "unknown": [1]},
                 {"hash": values[2], "filename": "é\".jpg"}]
        code, summary, errors = self.import_text("\n".join(map(json.dumps, lines)))
        self.assertEqual((code, summary, errors), (0, "2 added, 0 there before, 0 refused", []))
        stored = self.stored()
        self.assertEqual(stored["many"], {("PDQ", values[0], 70), ("PDQ", values[1], 70),
                                          ("MD5", md5, 0)})
        self.assertEqual(stored['é".jpg'], {("PDQ", values[2], 100)})

    def test_bad_lines_are_named_and_the_rest_goes_on(self):
        good = [self.value() for _ in range(4)]
        code, summary, errors = self.import_text(
            f"{good[0]},90,first\n{good[1][:-1]},90,short\n{'z' * 64},90,letters\n"
            f"{good[1]},101,quality\n{good[1]},x,quality\n{good[1]},49,poor\n"
            f"{good[2]},90,first\n{'0' * 70000}\n{good[3]},90,last\n")
        self.assertEqual((code, summary), (1, "2 added, 0 there before, 7 refused"))
        numbers = sorted(int(line.split(":")[0].removeprefix("line ")) for line in errors)
        self.assertEqual(numbers, [2, 3, 4, 5, 6, 7, 8])
        text = "\n".join(errors)
        for part in ("line 2: a pdq value has 64 hex digits", "line 6: quality 49 is below 50",
                     "(QUALITY_TOO_LOW)", "(EXTERNAL_REFERENCE_CONFLICT)", "too long"):
            self.assertIn(part, text)
        for value in good:
            self.assertNotIn(value, text)
        self.assertEqual(set(self.stored()), {"first", "last"})

    def test_a_line_in_another_encoding_is_a_bad_line_and_the_rest_goes_on(self):
        good = [self.value() for _ in range(2)]
        for bad in (b"caf\xe9.jpg", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"):
            with self.subTest(bad):
                code, summary, errors = self.import_text(
                    f"{good[0]},90,one\n{self.value()},90,".encode() + bad +
                    f"\n{good[1]},90,two €\n".encode())
                self.assertEqual(code, 1, errors)
                self.assertIn("1 refused", summary)
                self.assertEqual(errors, ["line 2: the line is not UTF-8 text"])
        self.assertEqual(set(self.stored()), {"one", "two €"})

    def test_bad_csv_and_json_lines(self):
        good = [self.value() for _ in range(2)]
        code, summary, errors = self.import_text(
            f'hash,filename\n{good[0]},a\n{good[1]},"open\n,nothing\n{good[1]},b\n')
        self.assertEqual((code, summary), (1, "2 added, 0 there before, 2 refused"))
        self.assertEqual([line.split(":")[0] for line in errors], ["line 3", "line 4"])
        code, summary, errors = self.import_text("\n".join((
            json.dumps({"pdq": self.value()}), "{", "[]", "{}", json.dumps({"pdq": 5}),
            json.dumps({"pdq": self.value(), "quality": "x"}), "[" * 30000,
            json.dumps({"pdq": [self.value()] * 65}), json.dumps({"pdq": self.value()}))))
        self.assertEqual((code, summary), (1, "2 added, 0 there before, 7 refused"))
        self.assertEqual(sorted(int(line.split(":")[0].split()[1]) for line in errors),
                         [2, 3, 4, 5, 6, 7, 8])

    def test_importing_again_adds_nothing_and_revives_nothing(self):
        lines = [f"{self.value()},90,file {i}" for i in range(1200)]
        self.assertEqual(self.import_text("\n".join(lines))[:2],
                         (0, "1200 added, 0 there before, 0 refused"))
        entry = self.flagger.entries(f"lists/{self.list_id}")[7]
        self.server.run("flagger", "entry", "withdraw", entry.name)
        self.assertEqual(self.import_text("\n".join(lines))[:2],
                         (0, "0 added, 1200 there before, 0 refused"))
        states = [e.state for e in self.flagger.entries(f"lists/{self.list_id}")]
        self.assertEqual(states.count(types_pb2.WITHDRAWN), 1)

    def test_an_export_is_private_and_makes_the_same_list_again(self):
        lines = [{"external_reference": f"{i}, \"é\"", "pdq": [self.value()], "quality": 60 + i,
                  "jurisdiction": "FR", "legal_basis": "x", "subject": "adult"} for i in range(30)]
        lines[3]["pdq"].append(self.value())
        lines[4]["sha256"] = [self.value()]
        self.assertEqual(self.import_text("\n".join(map(json.dumps, lines)))[0], 0)
        for form in ("jsonl", "csv", "plain"):
            with self.subTest(form):
                out = self.folder / f"export.{form}"
                out.write_text("old")
                out.chmod(0o644)
                done = self.vigie("export", self.list_id, "--format", form, "--out", out)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)
                copy = f"{self.list_id}-{form}"
                self.assertEqual(self.vigie("create", copy).returncode, 0)
                again = self.vigie("import", copy, out)
                summary, *notices = again.stdout.splitlines()
                self.assertEqual((again.returncode, summary),
                                 (0, "30 added, 0 there before, 0 refused"), again.stderr)
                self.assertRegex(notices[-1], r"^ +\d+ notices, DUPLICATE$")
                if form == "jsonl":
                    self.assertEqual(self.stored(copy), self.stored())
                else:  # these forms hold the first PDQ value of an entry
                    self.assertEqual(self.stored(copy),
                                     {line["external_reference"]:
                                      {("PDQ", line["pdq"][0], line["quality"])}
                                      for line in lines})
        printed = self.vigie("export", self.list_id)
        self.assertEqual(printed.stdout, (self.folder / "export.jsonl").read_text())

    def test_an_export_that_fails_leaves_an_earlier_one_as_it_was(self):
        out = self.folder / "export"
        out.write_text("earlier")
        done = self.vigie("export", "no-such-list", "--out", out)
        self.assertEqual((done.returncode, out.read_text()), (3, "earlier"), done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["export"])
        done = self.vigie("export", self.list_id, "--out", self.folder / "none" / "export")
        self.assertEqual((done.returncode, "(FILE_UNWRITABLE)" in done.stderr), (3, True))
        self.assertEqual(self.vigie("export", self.list_id, "--out", "/dev/null").returncode, 0)

    def test_entries_without_pdq_are_left_out_of_forms_that_cannot_hold_them(self):
        self.import_text(json.dumps({"md5": self.value(16)}))
        for form, code in (("plain", 1), ("csv", 1), ("jsonl", 0)):
            self.assertEqual(self.vigie("export", self.list_id, "--format", form).returncode, code)

    def test_standard_input_empty_files_and_files_that_are_not_there(self):
        done = self.vigie("import", self.list_id, "-", input=f"{self.value()},90,a\n")
        self.assertEqual((done.returncode, done.stdout),
                         (0, "1 added, 0 there before, 0 refused\n"), done.stderr)
        self.assertEqual(self.import_text("")[:2], (0, "0 added, 0 there before, 0 refused"))
        for path in (self.folder / "none", "/dev/null"):
            done = self.vigie("import", self.list_id, path)
            self.assertEqual((done.returncode, "(FILE_UNREADABLE)" in done.stderr), (3, True))

    def test_another_organisations_list_cannot_be_filled_or_exported(self):
        key = harness.make_key(self.server.data_dir, "rival", "trusted_flagger")
        rival = self.server.client_with_key(key)

        def works():
            try:
                return rival.lists.ListLists(lists_pb2.ListListsRequest()) is not None
            except harness.grpc.RpcError:
                return False
        harness.poll(works, "the new key works", 5)
        file = self.folder / "file"
        file.write_text(self.value())
        for command in (["import", self.list_id, file], ["export", self.list_id]):
            done = run("list", *command, "--server", self.server.address, key=key)
            self.assertEqual((done.returncode, "(LIST_NOT_FOUND)" in done.stderr), (3, True), done)
        self.assertFalse(self.stored())


if __name__ == "__main__":
    harness.main()
