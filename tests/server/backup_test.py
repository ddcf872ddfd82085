"""vigie backup and vigie restore: while a server serves and writes, killed in the middle, damaged,
without room, and what a restored server knows."""

import json
import random
import shutil
import subprocess
import threading
import time

import grpc

import harness
from vigie.v1 import lists_pb2, match_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

UPLOADERS = 2
KILLS = 15
PRINCIPALS = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
              "reviewer": ("moderators", "reviewer"), "court": ("court", "authority")}


def entry_of(reference):
    """The entry of this name, the same each time."""
    value = random.Random(reference).randbytes(32).hex()
    return lists_pb2.Entry(external_reference=reference, fingerprints=[
        types_pb2.Fingerprint(algorithm=types_pb2.PDQ, hex=value, quality=90)])


class Traffic:
    """Callers that upload, withdraw and check until they are stopped, and what they were told."""

    def __init__(self, server):
        self.server = server
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.names = {}  # reference: name
        self.withdrawn = set()  # names
        self.checks = 0
        self.threads = [threading.Thread(target=self.upload, args=[i]) for i in range(UPLOADERS)]
        self.threads += [threading.Thread(target=self.withdraw), threading.Thread(target=self.check)]
        for thread in self.threads:
            thread.start()

    def upload(self, number):
        client = self.server.client("flagger")
        sent = 0
        while not self.stop.is_set():
            references = [f"{number}-{sent + i}" for i in range(20)]
            sent += 20
            results = client.upload("lists/known", [entry_of(r) for r in references])
            with self.lock:
                self.names.update((r.external_reference, r.entry) for r in results)

    def withdraw(self):
        client = self.server.client("flagger")
        while not self.stop.wait(0.005):
            with self.lock:
                free = [name for name in self.names.values() if name not in self.withdrawn]
            if free:
                name = random.choice(free)
                client.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(name=name))
                with self.lock:
                    self.withdrawn.add(name)

    def check(self):
        client = self.server.client("platform")
        while not self.stop.wait(0.005):
            client.check_hash(entry_of("0-0").fingerprints[0])
            self.checks += 1

    def so_far(self):
        with self.lock:
            return dict(self.names), set(self.withdrawn)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Backup(harness.TestCase):
    def setUp(self):
        self.folder = harness.new_folder()

    def server_with(self, entries=0):
        server = harness.Server(principals=PRINCIPALS)
        self.addCleanup(server.stop)
        flagger = server.client("flagger")
        flagger.create_list("known")
        for at in range(0, entries, 1000):
            flagger.upload("lists/known", [entry_of(f"old-{i}")
                                           for i in range(at, min(at + 1000, entries))])
        return server

    def backup(self, server, name="backup"):
        to = self.folder / name
        done = harness.run("backup", "--data_dir", server.data_dir, "--to", to, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return to, json.loads(done.stdout)

    def restore(self, backup, name="restored", *flags):
        to = self.folder / name
        done = harness.run("restore", "--from", backup, "--data_dir", to, "--json", *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        return to, json.loads(done.stdout)

    def start(self, data_dir, keys):
        server = harness.Server(data_dir=data_dir)
        server.keys = keys
        self.addCleanup(server.stop)
        return server

    def refused(self, reason, *arguments):
        done = harness.run(*arguments)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn(f"({reason})", done.stderr)
        return done.stderr

    def test_while_it_serves_and_writes(self):
        server = self.server_with(entries=1000)
        traffic = Traffic(server)
        harness.poll(lambda: len(traffic.so_far()[1]) > 20, "withdrawals")
        names, withdrawn = traffic.so_far()
        backup, manifest = self.backup(server)
        time.sleep(0.1)
        traffic.end()
        last_names, last_withdrawn = traffic.so_far()
        self.assertEqual(manifest["format"], "vigie-backup-1")
        self.assertEqual([f["name"] for f in manifest["files"]], ["vigie.db", "audit.key"])
        for path in [backup, *backup.iterdir()]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        self.assertEqual({p.name for p in backup.iterdir()},
                         {"vigie.db", "audit.key", "manifest.json"})
        self.assertEqual(harness.run("backup", "verify", backup).returncode, 0)
        self.assertEqual(server.stop(), 0)

        data_dir, report = self.restore(backup)
        self.assertGreater(report["revision"], manifest["revision"] + len(last_names))
        verified = harness.run("audit", "verify", "--data_dir", data_dir)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assertEqual(json.loads(verified.stdout)["head"], manifest["head"])
        restored = self.start(data_dir, server.keys)
        platform = restored.client("platform")
        stored = {e.external_reference: e for e in restored.client("flagger").entries("lists/known")}
        self.assertEqual(len(stored), manifest["entries"])
        self.assertLessEqual(set(names), set(stored), "acknowledged before the backup began")
        for reference, entry in stored.items():
            if not reference.startswith("old-"):
                self.assertEqual(entry.name, last_names.get(reference, entry.name))
            if entry.name in withdrawn:
                self.assertEqual(entry.state, types_pb2.WITHDRAWN)
            elif entry.name not in last_withdrawn:
                self.assertEqual(entry.state, types_pb2.PROVISIONAL)
            outcome = platform.check_hash(entry_of(reference).fingerprints[0]).outcome
            self.assertEqual(outcome, Verdict.MATCH if entry.state == types_pb2.PROVISIONAL
                             else Verdict.NO_MATCH)
        for reference in set(last_names) - set(stored):
            self.assertEqual(platform.check_hash(entry_of(reference).fingerprints[0]).outcome,
                             Verdict.NO_MATCH)
        self.assertEqual(restored.stop(), 0)
        self.assertEqual(harness.run("doctor", "--data_dir", data_dir).returncode, 0)
        print(f"{len(names)} acknowledged before, {len(stored)} in the backup, {len(last_names)} "
              f"at the end, {traffic.checks} checks meanwhile")

    def test_killed_at_random_moments_leaves_no_half_backup(self):
        server = self.server_with(entries=3000)
        arguments = [harness.PROGRAM, "backup", "--data_dir", server.data_dir, "--to"]
        begin = time.monotonic()
        subprocess.run([*arguments, self.folder / "whole"], check=True,
                       stdout=subprocess.DEVNULL, timeout=harness.WAIT_SECONDS)
        took = time.monotonic() - begin
        complete = 0
        for number in range(KILLS):
            to = self.folder / f"backup-{number}"
            process = subprocess.Popen([*arguments, to], stdout=subprocess.DEVNULL)
            time.sleep(random.uniform(0, took))
            process.kill()
            process.wait()
            if to.exists():
                complete += 1
                self.assertEqual(harness.run("backup", "verify", to).returncode, 0)
            else:
                self.backup(server, to.name)  # what was left is not in the way
            self.assertFalse((self.folder / f"backup-{number}.partial").exists())
        print(f"killed {KILLS} times, {complete} backups were complete")

    def test_a_damaged_backup_is_refused(self):
        backup, _ = self.backup(self.server_with(entries=300))
        sound = {path.name: path.read_bytes() for path in backup.iterdir()}
        data = sound["vigie.db"]
        for name, content in [("vigie.db", data[:5000] + b"x" + data[5001:]),
                              ("vigie.db", data[:-4096]), ("vigie.db", b""),
                              ("audit.key", bytes(len(sound["audit.key"]))),
                              ("manifest.json", b"{}"), ("manifest.json", b"\xff"),
                              ("manifest.json", sound["manifest.json"].replace(
                                  b'"vigie.db"', b'"../other"'))]:
            (backup / name).write_bytes(content)
            done = harness.run("backup", "verify", backup)
            self.assertEqual(done.returncode, 3, (name, done.stdout))
            self.refused("BACKUP_DAMAGED", "restore", "--from", backup, "--data_dir",
                         self.folder / "restored")
            self.assertFalse((self.folder / "restored" / "vigie.db").exists())
            (backup / name).write_bytes(sound[name])
        (backup / "vigie.db").unlink()
        self.refused("FILE_FAILED", "backup", "verify", backup)
        (backup / "vigie.db").write_bytes(data)
        self.restore(backup)

    def test_nothing_is_overwritten(self):
        server = self.server_with(entries=3)
        backup, _ = self.backup(server)
        self.refused("BACKUP_EXISTS", "backup", "--data_dir", server.data_dir, "--to", backup)
        self.refused("DATA_DIR_IN_USE", "restore", "--from", backup, "--data_dir", server.data_dir)
        self.assertEqual(server.stop(), 0)
        self.refused("DATA_DIR_NOT_EMPTY", "restore", "--from", backup, "--data_dir",
                     server.data_dir)
        self.refused("DATA_DIR_FAILED", "backup", "--data_dir", self.folder / "none", "--to",
                     self.folder / "other")
        self.assertEqual(harness.run("backup", "--data_dir", server.data_dir).returncode, 2)

    def test_a_full_disk_is_an_error_that_says_so(self):
        server = self.server_with(entries=1000)
        to = self.folder / "backup"
        done = subprocess.run(
            ["prlimit", "--fsize=65536", harness.PROGRAM, "backup", "--data_dir", server.data_dir,
             "--to", to], env=harness.clean_environment(), capture_output=True, text=True,
            timeout=harness.WAIT_SECONDS, check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("(DISK_FULL)", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_unfinished_restore_is_no_empty_database(self):
        server = self.server_with(entries=3)
        backup, _ = self.backup(server)
        data_dir = self.folder / "restored"
        (data_dir / "restore.partial").mkdir(parents=True, mode=0o700)
        shutil.copy(backup / "audit.key", data_dir)  # the first of the two that get their names
        self.refused("RESTORE_UNFINISHED", "serve", "--data_dir", data_dir, "--listen",
                     "127.0.0.1:0")
        # Neither a key nor another restore that fails makes it look finished.
        self.refused("RESTORE_UNFINISHED", "key", "create", "--data_dir", data_dir, "--org", "a",
                     "--role", "platform")
        damaged = self.folder / "damaged"
        shutil.copytree(backup, damaged)
        with open(damaged / "vigie.db", "r+b") as file:
            file.truncate(4096)
        self.refused("BACKUP_DAMAGED", "restore", "--from", damaged, "--data_dir", data_dir)
        self.refused("RESTORE_UNFINISHED", "serve", "--data_dir", data_dir, "--listen",
                     "127.0.0.1:0")
        self.restore(backup)
        restored = self.start(data_dir, server.keys)
        self.assertEqual(len(restored.client("flagger").entries("lists/known")), 3)
        self.assertFalse((data_dir / "restore.partial").exists())

    def test_what_was_erased_since_is_erased_again(self):
        server = self.server_with(entries=5)
        names = [e.name for e in server.client("flagger").entries("lists/known")]
        backup, _ = self.backup(server)
        server.client("court").decide("EraseEntry", names[1], "Ana Lys", types_pb2.OTHER_REASON,
                                      case_reference="24/1")
        self.assertEqual(server.stop(), 0)
        _, plain = self.restore(backup, "plain")
        self.assertEqual(plain["erased_again"], 0)
        data_dir, report = self.restore(backup, "restored", "--erased-from", server.data_dir)
        self.assertEqual(report["erased_again"], 1)
        value = bytes.fromhex(entry_of("old-1").fingerprints[0].hex)
        self.assertIn(value, (self.folder / "plain" / "vigie.db").read_bytes())
        for path in data_dir.rglob("*"):
            if path.is_file():
                self.assertNotIn(value, path.read_bytes(), path)
        self.assertEqual(harness.run("audit", "verify", "--data_dir", data_dir).returncode, 0)
        restored = self.start(data_dir, server.keys)
        outcomes = [restored.client("platform").check_hash(entry_of(f"old-{i}").fingerprints[0])
                    .outcome for i in range(5)]
        self.assertEqual(outcomes.count(Verdict.MATCH), 4)
        self.assertEqual(restored.client("court").outcome(names[1]).state, types_pb2.ERASED)

    def test_revisions_of_another_future_never_come_again(self):
        server = self.server_with(entries=3)
        backup, manifest = self.backup(server)
        platform = server.client("platform")
        server.client("flagger").upload("lists/known", [entry_of("later")])
        later = platform.check_hash(entry_of("later").fingerprints[0]).revision
        self.assertGreater(later, manifest["revision"])
        self.assertEqual(server.stop(), 0)
        data_dir, _ = self.restore(backup)
        restored = self.start(data_dir, server.keys)
        verdict = restored.client("platform").check_hash(entry_of("later").fingerprints[0])
        self.assertEqual(verdict.outcome, Verdict.NO_MATCH)
        self.assertGreater(verdict.revision, later)
        watch = restored.client("platform").match.Watch
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "REVISION_UNKNOWN"):
            next(watch(match_pb2.WatchRequest(after_revision=later)))


if __name__ == "__main__":
    harness.main()
