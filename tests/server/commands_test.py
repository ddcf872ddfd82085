"""The commands hash, check, entry and key: output, exit codes, files."""

import base64
import contextlib
import hashlib
import json
import os
import pty
import random
import re
import socket
import subprocess
import threading

import harness
from harness import picture, pictures, run
from match_test import random_pdq
from vigie.v1 import lists_pb2, types_pb2

HASH_LINE = re.compile(r"^[0-9a-f]{64},(\d{1,3}),(.+)$")


class Hash(harness.TestCase):
    """vigie hash."""

    def test_it_prints_hash_quality_and_file_name(self):
        files = [pictures() / "scene-1.png", pictures() / "scene-2.png"]
        done = run("hash", *files)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = [HASH_LINE.match(line) for line in done.stdout.splitlines()]
        self.assertEqual([line.group(2) for line in lines], list(map(str, files)))
        self.assertTrue(all(0 <= int(line.group(1)) <= 100 for line in lines))

    def test_all_orientations(self):
        done = run("hash", "--dihedral", pictures() / "scene-1.png")
        fields = [line.split(",") for line in done.stdout.splitlines()]
        self.assertEqual([f[2] for f in fields], ["original", "rot90", "rot180", "rot270", "flipX",
                                                  "flipY", "flipPlus1", "flipMinus1"])
        self.assertEqual(len({f[0] for f in fields}), 8)

    def test_json_profiles_and_modes(self):
        for profile in ("reference", "full"):
            for mode in ("exact", "fast"):
                done = run("hash", "--json", "--profile", profile, "--mode", mode,
                           pictures() / "scene-1-large.jpg")
                line = json.loads(done.stdout)
                self.assertEqual((line["profile"], line["mode"], line["orientation"]),
                                 (profile, mode, "original"))
                self.assertEqual(len(line["hash"]), 64)
        self.assertEqual(run("hash", "--profile", "other", "x").returncode, 2)
        self.assertEqual(run("hash", "--mode", "other", "x").returncode, 2)
        self.assertEqual(run("hash").returncode, 2)

    def test_a_bad_file_is_named_and_the_rest_goes_on(self):
        folder = harness.new_folder()
        cut = folder / "cut.jpg"
        cut.write_bytes(picture("scene-1-same.jpg")[:4000])
        (folder / "empty.png").write_bytes(b"")
        (folder / "text.jpg").write_text("text")
        bad = {cut: "IMAGE_CORRUPT", folder / "empty.png": "IMAGE_CORRUPT",
               folder / "text.jpg": "UNSUPPORTED_FORMAT", folder / "none": "FILE_UNREADABLE"}
        done = run("hash", *bad, pictures() / "scene-1.png")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        errors = done.stderr.splitlines()
        for path, reason in bad.items():
            self.assertTrue(any(line.startswith(f"vigie: {path}: ") and line.endswith(f"({reason})")
                                for line in errors), (path, reason, errors))


    def test_many_files_keep_their_order_whatever_the_number_of_threads(self):
        names = ["scene-1.png", "scene-2.png", "none", "flat.png"]
        files = [pictures() / names[i % len(names)] for i in range(200)]
        expected = [run("hash", path).stdout for path in files[:len(names)]]
        self.assertEqual(expected[2], "")
        for threads in ([], ["--threads", 1], ["--threads", 7]):
            done = run("hash", *threads, *files)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stdout, "".join(expected) * 50)
            self.assertEqual(done.stderr.count("(FILE_UNREADABLE)"), 50)
        self.assertEqual(run("hash", "--threads", 0, files[0]).returncode, 2)

    def test_a_folder_stands_for_all_files_below_it(self):
        folder = harness.new_folder()
        (folder / "empty").mkdir()
        (folder / "b" / "deep").mkdir(parents=True)
        for name in ("c.png", "b/deep/z.png", "a.png"):
            (folder / name).write_bytes(picture("scene-1.png"))
        done = run("hash", folder, pictures() / "scene-2.png")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([line.split(",")[2] for line in done.stdout.splitlines()],
                         [str(folder / "a.png"), str(folder / "b/deep/z.png"),
                          str(folder / "c.png"), str(pictures() / "scene-2.png")])
        self.assertEqual(run("hash", folder / "empty").stdout, "")

    def test_a_bar_is_shown_when_only_the_error_output_is_a_terminal(self):
        # Enough that a fast machine is not done before a bar is due.
        files = [pictures() / "scene-1.png"] * 1000 + [pictures() / "none"]
        terminal, other_end = pty.openpty()
        done = subprocess.run([harness.PROGRAM, "hash", *files], stdout=subprocess.PIPE,
                              stderr=other_end, env=harness.clean_environment(), text=True,
                              timeout=harness.WAIT_SECONDS, check=False)
        os.close(other_end)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while chunk := os.read(terminal, 4096):
                shown += chunk
        os.close(terminal)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (1, 1000))
        self.assertIn(b"(FILE_UNREADABLE)", shown)
        self.assertIn(b"(1001 of 1001)", shown)


class Program(harness.TestCase):
    """What holds for every command."""

    def test_wrong_arguments_are_exit_code_2_and_help_is_0(self):
        for arguments in ([], ["unknown"], ["hash"], ["list"], ["key", "create"], ["serve", "x"],
                          ["entry", "show"], ["check", "--timeout", "0", "x"]):
            with self.subTest(arguments):
                self.assertEqual(run(*arguments).returncode, 2)
        for command in ("serve", "hash", "check", "list", "entry", "key", "doctor"):
            self.assertEqual(run(command, "--help").returncode, 0)
        self.assertRegex(run("--version").stdout, r"^vigie \d+\.\d+")

    def test_client_commands_need_a_key_that_can_be_one(self):
        file = pictures() / "scene-1.png"
        self.assertEqual(run("check", file).returncode, 2)
        for bad in ("two\nlines", "two words", "é", "a\tb"):
            with self.subTest(bad):
                done = run("check", file, key=bad)
                self.assertEqual((done.returncode, "(USAGE)" in done.stderr), (2, True), done)
        done = run("check", "--key-file", harness.new_folder() / "none", file)
        self.assertEqual((done.returncode, "(USAGE)" in done.stderr), (2, True))

    def test_a_key_is_not_sent_in_the_clear_to_another_machine(self):
        for server in ("192.0.2.1:7443", "example.org:7443", "127.0.0.1.example.org:7443",
                       "0.0.0.0:7443", "[2001:db8::1]:7443", "dns:///example.org:7443"):
            for command in (["check", pictures() / "scene-1.png"], ["list", "show"],
                            ["list", "create", "a"], ["entry", "show", "lists/a/entries/b"],
                            ["list", "import", "a", "-"], ["list", "export", "a"],
                            ["entry", "withdraw", "lists/a/entries/b"]):
                with self.subTest(f"{server} {command}"):
                    done = run(*command, "--server", server, key="vgk_secret")
                    self.assertEqual(done.returncode, 2)
                    self.assertIn("in the clear", done.stderr)
                    self.assertNotIn("vgk_secret", done.stderr)

    def test_a_server_that_is_not_there_is_exit_code_3(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            server = "127.0.0.1:%d" % unused.getsockname()[1]
            done = run("check", "--server", server, pictures() / "scene-1.png", key="vgk_a_b")
        self.assertEqual((done.returncode, "(UNAVAILABLE)" in done.stderr), (3, True), done)

    def test_a_proxy_is_never_asked_for_a_server_on_this_machine(self):
        with socket.create_server(("127.0.0.1", 0)) as proxy, socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = "http://127.0.0.1:%d" % proxy.getsockname()[1]
            asked = threading.Event()

            def accept():
                try:
                    connection, _ = proxy.accept()
                    asked.set()
                    connection.close()
                except OSError:
                    pass
            thread = threading.Thread(target=accept)
            thread.start()
            run("check", "--server", "127.0.0.1:%d" % unused.getsockname()[1],
                pictures() / "scene-1.png", key="vgk_a_b",
                env={"http_proxy": address, "https_proxy": address, "grpc_proxy": address})
            proxy.shutdown(socket.SHUT_RDWR)
            thread.join()
            self.assertFalse(asked.is_set())


class Client(harness.ServerTest):
    """check and entry, against a server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flagger.create_list("known")
        cls.fingerprints = cls.flagger.hash_image(picture("scene-1.png"))
        [result] = cls.flagger.upload("lists/known", [lists_pb2.Entry(
            external_reference="case 1", fingerprints=cls.fingerprints[:1])])
        cls.entry = result.entry

    def test_check_prints_a_line_a_picture_and_says_by_its_exit_code_what_it_found(self):
        known, unknown, flat = (pictures() / name for name in
                                ("scene-1-mirrored.png", "scene-2.png", "flat.png"))
        for flags in ([], ["--hash-only"]):
            with self.subTest(flags):
                done = self.server.run("platform", "check", *flags, known, unknown, flat)
                self.assertEqual(done.returncode, 4, done.stderr)
                lines = [line.split("\t") for line in done.stdout.splitlines()]
                self.assertEqual(lines[0][:3], [str(known), "match", "provisional_block"])
                self.assertRegex(lines[0][3], r"^distance \d+ of 31$")
                self.assertEqual(lines[0][4:], ["flip_y", self.entry])
                self.assertEqual(lines[1], [str(unknown), "no_match", "nothing_known"])
                self.assertEqual(lines[2][:3], [str(flat), "not_scanned", "featureless"])
                check = lambda *files: self.server.run("platform", "check", *flags, *files)
                self.assertEqual(check(unknown, flat).returncode, 1)
                self.assertEqual(check(unknown).returncode, 0)
                self.assertEqual(check(flat, known).returncode, 4)
                missing = check(unknown, pictures() / "none")
                self.assertEqual((missing.returncode, len(missing.stdout.splitlines())), (1, 1))

    def test_check_asks_about_several_pictures_at_once_and_answers_in_order(self):
        folder = harness.new_folder()
        for i in range(60):
            name = ("scene-1.png", "scene-2.png", "flat.png")[i % 3]
            (folder / f"{i:02}.png").write_bytes(picture(name))
        for flags in ([], ["--hash-only"], ["--threads", 1], ["--threads", 5]):
            with self.subTest(flags):
                done = self.server.run("platform", "check", *flags, folder)
                self.assertEqual((done.returncode, done.stderr), (4, ""))
                lines = [line.split("\t") for line in done.stdout.splitlines()]
                self.assertEqual([line[0] for line in lines],
                                 [str(folder / f"{i:02}.png") for i in range(60)])
                self.assertEqual([line[1] for line in lines],
                                 ["match", "no_match", "not_scanned"] * 20)
        stopped = run("check", folder, key="vgk_wrong_key",
                      env={"VIGIE_SERVER": self.server.address})
        self.assertEqual((stopped.returncode, stopped.stdout), (3, ""))

    def test_check_as_json(self):
        for flags in ([], ["--hash-only"]):
            done = self.server.run("platform", "check", "--json", *flags,
                                   pictures() / "scene-1.png", pictures() / "scene-2.png")
            first, second = map(json.loads, done.stdout.splitlines())
            self.assertEqual(first["filename"], str(pictures() / "scene-1.png"))
            self.assertEqual(first["verdict"]["outcome"], "MATCH")
            self.assertEqual(first["verdict"]["matches"][0]["entry"], self.entry)
            self.assertEqual(second["verdict"]["outcome"], "NO_MATCH")
            for fingerprint in self.fingerprints:
                self.assertNotIn(fingerprint.hex, done.stdout)

    def test_a_picture_that_cannot_be_looked_at_is_never_clean_also_when_hashed_here(self):
        folder = harness.new_folder()
        files = {"cut.jpg": (picture("scene-2.jpg")[:-3000], "corrupt"),
                 "cut.png": (picture("scene-2.png")[:9000], "corrupt"),
                 "text": (b"text", "unsupported_format"), "empty": (b"", "corrupt")}
        for name, (content, reason) in files.items():
            (folder / name).write_bytes(content)
            for flags in ([], ["--hash-only"]):
                with self.subTest(f"{name} {flags}"):
                    done = self.server.run("platform", "check", *flags, folder / name)
                    self.assertEqual(done.returncode, 1, done)
                    self.assertEqual(done.stdout.split("\t")[1:3], ["not_scanned", reason])

    def test_an_exact_copy_is_found_also_when_hashed_here_and_not_readable(self):
        content = b"GIF89a" + random.Random(1).randbytes(200)
        file = harness.new_folder() / "known.gif"
        file.write_bytes(content)
        for algorithm, name in ((types_pb2.MD5, "md5"), (types_pb2.SHA1, "sha1"),
                                (types_pb2.SHA256, "sha256")):
            self.flagger.create_list(f"copies-{name}")
            value = hashlib.new(name, content).hexdigest()
            [result] = self.flagger.upload(f"lists/copies-{name}", [lists_pb2.Entry(
                fingerprints=[{"algorithm": algorithm, "hex": value}])])
            for flags in ([], ["--hash-only"]):
                with self.subTest(f"{name} {flags}"):
                    done = self.server.run("platform", "check", *flags, "--list",
                                           f"copies-{name}", file)
                    self.assertEqual(done.returncode, 4, done)
                    self.assertIn(result.entry, done.stdout)

    def test_a_refused_caller_is_exit_code_3(self):
        done = self.server.run("flagger", "check", pictures() / "scene-1.png")
        self.assertEqual((done.returncode, "(ROLE_NOT_ALLOWED)" in done.stderr), (3, True))
        done = run("check", "--server", self.server.address, pictures() / "scene-1.png",
                   key="vgk_wrong")
        self.assertEqual((done.returncode, "(KEY_INVALID)" in done.stderr), (3, True))
        self.assertNotIn("vgk_wrong", done.stderr)

    def test_a_key_may_come_from_a_file(self):
        file = harness.new_folder() / "key"
        file.write_text(self.server.keys["platform"] + "\n")
        done = run("check", "--server", self.server.address, "--key-file", file,
                   pictures() / "scene-2.png")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_entries_are_shown_and_withdrawn(self):
        fingerprint = random_pdq(random.Random(2))
        [result] = self.flagger.upload("lists/known", [lists_pb2.Entry(
            external_reference="case 2", fingerprints=[fingerprint])])
        shown = self.server.run("flagger", "entry", "show", result.entry)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(json.loads(shown.stdout)["externalReference"], "case 2")
        self.assertNotIn(fingerprint.hex, shown.stdout)
        shown = self.server.run("flagger", "entry", "show", "--fingerprints", result.entry)
        self.assertEqual(json.loads(shown.stdout)["fingerprints"][0]["hex"], fingerprint.hex)
        done = self.server.run("flagger", "entry", "withdraw", "--reason", "mistake", result.entry)
        entry = json.loads(done.stdout)
        self.assertEqual((entry["state"], entry["reason"]), ("WITHDRAWN", "mistake"))
        self.assertEqual(self.platform.check_hash(fingerprint).outcome,
                         types_pb2.Verdict.NO_MATCH)
        done = self.server.run("flagger", "entry", "show", "lists/known/entries/none")
        self.assertEqual((done.returncode, "(ENTRY_NOT_FOUND)" in done.stderr), (3, True))


class Keys(harness.TestCase):
    """vigie key."""

    def test_keys_are_made_listed_and_revoked_and_their_secrets_are_nowhere(self):
        data = harness.new_folder() / "data"
        made = run("key", "create", "--data_dir", data, "--org", "forum", "--role", "platform",
                   "--label", "main site")
        self.assertRegex(made.stdout, r"^vgk_[a-z2-7]{16}_[a-z2-7]{52}\n$")
        _, key_id, secret = made.stdout.strip().split("_")
        self.assertNotIn(secret, made.stderr)
        raw = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
        listed = run("key", "list", "--data_dir", data)
        self.assertEqual(listed.stdout.splitlines()[1].split("\t")[:3],
                         [key_id, "forum", "platform"])
        as_json = json.loads(run("key", "list", "--json", "--data_dir", data).stdout)
        self.assertEqual((as_json["id"], as_json["revoked"], as_json["label"]),
                         (key_id, None, "main site"))
        self.assertEqual(run("key", "revoke", "--data_dir", data, key_id).returncode, 0)
        as_json = json.loads(run("key", "list", "--json", "--data_dir", data).stdout)
        self.assertIsNotNone(as_json["revoked"])
        self.assertNotIn(secret, listed.stdout + str(as_json))
        for path in data.iterdir():
            content = path.read_bytes()
            for needle in (secret.encode(), raw, raw.hex().encode()):
                self.assertNotIn(needle, content, path)

    def test_wrong_arguments_make_no_key(self):
        data = harness.new_folder() / "data"
        for organisation, role in (("Forum", "platform"), ("", "platform"), ("forum", "king")):
            done = run("key", "create", "--data_dir", data, "--org", organisation, "--role", role)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertEqual(run("key", "revoke", "--data_dir", data, "none").returncode, 3)
        self.assertEqual(run("key", "list", "--data_dir", data).returncode, 3)  # nothing was made


if __name__ == "__main__":
    harness.main()
