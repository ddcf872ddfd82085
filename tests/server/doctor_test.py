"""vigie doctor: what it finds sound, and every kind of damage that it must find."""

import json
import random
import sqlite3
import subprocess

import harness
from harness import run
from match_test import random_pdq
from vigie.v1 import lists_pb2


def examine(data, *flags):
    """The exit code, and the checks by name."""
    done = run("doctor", "--json", "--data_dir", data, *flags)
    report = json.loads(done.stdout)
    assert report["sound"] == (done.returncode == 0), report
    return done.returncode, {check["check"]: check for check in report["checks"]}


class Doctor(harness.TestCase):
    """vigie doctor."""

    def filled(self, entries=300):
        """The data folder of a server that has stopped."""
        server = harness.Server(principals={"flagger": ("helpline", "trusted_flagger")})
        flagger = server.client("flagger")
        flagger.create_list("known")
        source = random.Random(3)
        for _ in range(0, entries, 300):
            flagger.upload("lists/known", [
                lists_pb2.Entry(fingerprints=[random_pdq(source)]) for _ in range(300)])
        running = run("doctor", "--data_dir", server.data_dir)
        self.assertEqual(running.returncode, 0, running.stdout)
        self.assertEqual(server.stop(), 0)
        return server.data_dir

    def test_a_sound_installation(self):
        data = self.filled()
        done = run("doctor", "--data_dir", data)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue(all(line.startswith("ok ") for line in done.stdout.splitlines()))
        report = json.loads(run("doctor", "--json", "--data_dir", data).stdout)
        self.assertTrue(report["sound"])
        details = {check["check"]: check for check in report["checks"]}
        self.assertIn("300 sampled entries found", details["index self-check"]["detail"])
        self.assertIn("300 rows", details["index"]["detail"])

    def test_a_damaged_database_is_reported(self):
        data = self.filled()
        database = data / "vigie.db"
        content = bytearray(database.read_bytes())
        for at in range(4096, len(content), 4096):  # the first page stays, so that it opens
            content[at:at + 64] = bytes(64)
        database.write_bytes(content)
        done = run("doctor", "--data_dir", data)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("BAD ", done.stdout)
        report = run("doctor", "--json", "--data_dir", data)
        self.assertEqual(report.returncode, 1)
        self.assertFalse(json.loads(report.stdout)["sound"])
        refused = run("serve", "--listen", "127.0.0.1:0", "--data_dir", data)
        self.assertEqual((refused.returncode, refused.stdout), (3, ""), refused.stderr)

    def test_something_else_in_place_of_the_database_is_reported(self):
        data = harness.new_folder()
        (data / "vigie.db").write_bytes(b"This is not a database." * 100)
        (data / "vigie.db").chmod(0o600)
        self.assertEqual(run("doctor", "--data_dir", data).returncode, 1)

    def test_a_database_that_others_may_read_is_reported(self):
        data = self.filled()
        (data / "vigie.db").chmod(0o644)
        done = run("doctor", "--json", "--data_dir", data)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FILE_READABLE",
                      [check["reason"] for check in json.loads(done.stdout)["checks"]])

    def test_nothing_yet_is_sound_and_a_bad_configuration_is_not(self):
        folder = harness.new_folder()
        self.assertEqual(run("doctor", "--data_dir", folder / "none").returncode, 0)
        self.assertFalse((folder / "none").exists())
        self.assertEqual(run("doctor", "--index.kind", "none").returncode, 1)

    def bad(self, data, check, reason, *flags):
        code, checks = examine(data, *flags)
        self.assertEqual((code, checks[check]["ok"], checks[check]["reason"]), (1, False, reason),
                         checks)

    def test_rows_that_are_missing_from_the_database_or_changed(self):
        data = self.filled()
        with sqlite3.connect(data / "vigie.db") as rows:
            rows.execute("UPDATE events SET time_us = time_us + 1 WHERE number = 3")
        self.bad(data, "events", "CHAIN_BROKEN")
        with sqlite3.connect(data / "vigie.db") as rows:
            rows.execute("UPDATE fingerprints SET value = x'00' WHERE row = 7")
        self.bad(data, "database integrity", "DATABASE_DAMAGED")

    def test_a_checkpoint_is_compared_with_the_database(self):
        data = self.filled(1500)  # so many that the stop writes one
        code, checks = examine(data)
        self.assertEqual(code, 0, checks)
        self.assertIn("200 values", checks["checkpoint self-check"]["detail"])
        # Values that changed behind the checkpoint's back: it is whole, and not true.
        harness.edit_database(
            data, "UPDATE fingerprints SET value = randomblob(32) WHERE row <= 750")
        self.bad(data, "checkpoint self-check", "INDEX_INCOMPLETE")
        [facts] = (data / "checkpoint").glob("*.facts")
        facts.write_bytes(facts.read_bytes()[:-100])
        code, checks = examine(data)
        self.assertEqual((code, checks["checkpoint"]["ok"]), (1, False))
        self.assertTrue(checks["index self-check"]["ok"])
        self.assertEqual(examine(data, "--index.checkpoint", "false")[0], 0)

    def test_certificates(self):
        folder = harness.new_folder()

        def make(name, days):
            key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days), "-subj",
                            "/CN=localhost", "-keyout", key, "-out", certificate], check=True,
                           capture_output=True, timeout=60)
            key.chmod(0o600)
            return ("--tls.certificate", certificate, "--tls.key", key)
        data = folder / "none"
        code, checks = examine(data, *make("good", 400))
        self.assertEqual(code, 0, checks)
        self.assertRegex(checks["certificate"]["detail"], "(399|400) more days")
        code, checks = examine(data, *make("short", 3))
        self.assertEqual((code, checks["certificate"]["warning"]), (0, True))
        mixed = ("--tls.certificate", folder / "good.pem", "--tls.key", folder / "short.key")
        self.bad(data, "configuration", "CONFIG_INVALID", *mixed)
        (folder / "no.pem").write_text("no certificate")
        self.bad(data, "configuration", "CONFIG_INVALID", "--tls.certificate",
                 folder / "no.pem", "--tls.key", folder / "good.key")
        (folder / "good.key").chmod(0o644)
        self.bad(data, "private key's mode", "FILE_READABLE", "--tls.certificate",
                 folder / "good.pem", "--tls.key", folder / "good.key")

    def test_other_files_that_others_may_read(self):
        data = self.filled()
        (data / "audit.key").chmod(0o640)
        self.bad(data, "file modes", "FILE_READABLE")
        (data / "audit.key").chmod(0o600)
        data.chmod(0o755)
        self.bad(data, "file modes", "FILE_READABLE")

    def test_beside_a_server_that_changes_everything(self):
        server = harness.Server("--canary.interval_seconds", "1",
                                principals={"flagger": ("helpline", "trusted_flagger")})
        self.addCleanup(server.stop)
        flagger = server.client("flagger")
        flagger.create_list("known")
        source = random.Random(4)
        names = [result.entry for result in flagger.upload("lists/known", [
            lists_pb2.Entry(fingerprints=[random_pdq(source)]) for _ in range(200)])]
        for _ in range(3):
            beside = subprocess.Popen([harness.PROGRAM, "doctor", "--data_dir", server.data_dir],
                                      stdout=subprocess.PIPE, text=True,
                                      env=harness.clean_environment())
            for _ in range(40):
                flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(
                    name=names.pop(), reason="x"))
                flagger.upload("lists/known", [lists_pb2.Entry(fingerprints=[random_pdq(source)])])
            output, _ = beside.communicate(timeout=harness.WAIT_SECONDS)
            self.assertEqual(beside.returncode, 0, output)


if __name__ == "__main__":
    harness.main()
