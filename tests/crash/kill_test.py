"""kill -9 at random moments while entries are uploaded, withdrawn and decided: what was
acknowledged is there after the restart, what was not is absent or complete, and the chain of events
verifies. Heads of the index are small, so that it seals and merges all the time: how often, each
server is asked just before its end.

VIGIE_SEED repeats a run's plan (the moments themselves depend on the machine)."""

import concurrent.futures
import itertools
import os
import random
import threading
import time

import grpc

import harness
from metrics_test import samples
from vigie.v1 import lists_pb2, match_pb2, types_pb2
from vigie.v1.review_pb2 import Event
from vigie.v1.types_pb2 import Verdict

FOLDERS = 2  # that are worked on at the same time, each by a server of its own
ROUNDS = 100  # of each
UPLOADERS = 2
HEAD_ROWS = 64
OUTCOMES = 10  # entries of a round whose history is asked for
BATCH = 10  # entries in a message
AHEAD = 4  # messages an uploader sends before it waits for an answer
PAUSE_SECONDS = 0.03  # between its messages in long rounds
EVENT_OF = {types_pb2.WITHDRAWN: Event.WITHDRAWAL, types_pb2.CONFIRMED: Event.CONFIRMATION,
            types_pb2.REJECTED: Event.REJECTION}
BUDGET_SECONDS = 140  # no new round after this: slow machines and sanitizers do fewer


def entry_of(seed, parent, reference):
    """The entry of this name: two PDQ values and a digest, the same each time it is asked for."""
    source = random.Random(f"{seed} {parent} {reference}")
    values = [(types_pb2.PDQ, 32), (types_pb2.PDQ, 32), (types_pb2.SHA256, 32)]
    return lists_pb2.Entry(external_reference=reference, fingerprints=[
        types_pb2.Fingerprint(algorithm=algorithm, hex=source.randbytes(size).hex(),
                              quality=90 if algorithm == types_pb2.PDQ else 0)
        for algorithm, size in values])


class Round:
    """What callers did to one server until it was killed, and what they were told."""

    def __init__(self, number, seed):
        self.number = number
        self.seed = seed
        self.random = random.Random(f"{seed} round {number}")
        self.lock = threading.Lock()
        self.sent = {name: [] for name in self.list_names()}  # list: references, as sent
        self.names = {}  # (list, reference): the entry's name, acknowledged
        self.asked = {}  # entry name: the state that was asked for
        self.acknowledged = set()  # entry names: whose state was acknowledged

    def list_names(self):
        return [f"lists/round-{self.number}-{i}" for i in range(UPLOADERS)]

    def upload(self, client, parent):
        ahead = threading.Semaphore(AHEAD)
        over = threading.Event()

        def messages():
            for number in itertools.count():
                ahead.acquire()
                if over.wait(PAUSE_SECONDS if self.is_long() else 0):
                    return
                references = [f"{number}-{i}" for i in range(BATCH)]
                with self.lock:
                    self.sent[parent] += references
                yield lists_pb2.UploadEntriesRequest(
                    parent=parent, entries=[entry_of(self.seed, parent, r) for r in references])
        try:
            for response in client.lists.UploadEntries(messages()):
                with self.lock:
                    for result in response.results:
                        assert not result.HasField("problem"), result
                        reference = result.external_reference
                        self.names[parent, reference] = result.entry
                ahead.release()
        except grpc.RpcError:
            pass  # killed
        over.set()
        ahead.release()

    def decide(self, flagger, reviewer, stop):
        """Withdraws, confirms and rejects, each entry once."""
        try:
            while not stop.is_set():
                with self.lock:
                    free = [name for name in self.names.values() if name not in self.asked]
                    name = self.random.choice(free) if free else None
                    state = self.random.choice(
                        [types_pb2.WITHDRAWN, types_pb2.CONFIRMED, types_pb2.REJECTED])
                    if name is not None:
                        self.asked[name] = state
                if name is None:
                    stop.wait(0.001)
                    continue
                if state == types_pb2.WITHDRAWN:
                    flagger.lists.WithdrawEntry(lists_pb2.WithdrawEntryRequest(name=name))
                else:
                    method = "ConfirmEntry" if state == types_pb2.CONFIRMED else "RejectEntry"
                    reviewer.decide(method, name, "Ana Lys", types_pb2.OTHER_REASON)
                with self.lock:
                    self.acknowledged.add(name)
        except grpc.RpcError:
            pass  # killed

    def is_long(self):
        """Every fourth server lives long enough to seal twice and merge what it sealed."""
        return self.number % 4 == 3

    def moment(self):
        return self.random.uniform(0.4, 0.9) if self.is_long() else self.random.uniform(0.005, 0.12)

    def count_maintenance(self, server):
        now = samples(server)
        self.seals = int(now["vigie_index_seals_total", ()])
        self.merges = int(now["vigie_index_merges_total", ()])

    def run_until_killed(self, server):
        for name in self.list_names():
            server.client("flagger").create_list(name.removeprefix("lists/"))
        stop = threading.Event()
        threads = [threading.Thread(target=self.upload, args=[server.client("flagger"), name])
                   for name in self.list_names()]
        threads.append(threading.Thread(target=self.decide, args=[
            server.client("flagger"), server.client("reviewer"), stop]))
        for thread in threads:
            thread.start()
        time.sleep(self.moment())
        self.count_maintenance(server)
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        stop.set()
        for thread in threads:
            thread.join()
        server.close_clients()  # they would try to connect again for ever


class Folder(harness.TestCase):
    """One data folder through all rounds."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed
        self.data_dir = harness.new_folder() / "data"
        self.keys = {"flagger": harness.make_key(self.data_dir, "helpline", "trusted_flagger"),
                     "platform": harness.make_key(self.data_dir, "forum", "platform"),
                     "reviewer": harness.make_key(self.data_dir, "moderators", "reviewer")}

    def start(self):
        server = harness.Server("--index.head_rows", HEAD_ROWS, data_dir=self.data_dir)
        server.keys = self.keys
        self.server = server
        return server

    def end(self):
        self.server.process.kill()
        self.server.process.wait()
        self.server.process.stdout.close()

    def stored(self, server, parent):
        return {e.external_reference: e for e in server.client("flagger").entries(
            parent, view=lists_pb2.WITH_FINGERPRINTS)}

    def assert_matching(self, server, expected):
        """Every fingerprint of each (entry, its name or None) matches that name, or nothing."""
        asked = [(fingerprint, name) for entry, name in expected
                 for fingerprint in entry.fingerprints]
        platform = server.client("platform")
        for at in range(0, len(asked), 1000):
            part = asked[at:at + 1000]
            verdicts = platform.match.CheckHashes(match_pb2.CheckHashesRequest(pictures=[
                match_pb2.HashedPicture(fingerprints=[f]) for f, _ in part])).verdicts
            for (_, name), verdict in zip(part, verdicts):
                self.assertEqual([match.entry for match in verdict.matches],
                                 [] if name is None else [name])
                self.assertEqual(verdict.outcome,
                                 Verdict.NO_MATCH if name is None else Verdict.MATCH)

    def check_after_restart(self, server, done):
        """Compares what is there with what callers of the round were told."""
        present = 0
        expected = []
        owner = server.client("flagger")
        told = 0
        for parent in done.list_names():
            stored = self.stored(server, parent)
            self.assertLessEqual(set(stored), set(done.sent[parent]))
            for reference in done.sent[parent]:
                wanted = entry_of(done.seed, parent, reference)
                acknowledged = done.names.get((parent, reference))
                entry = stored.get(reference)
                if entry is None:
                    self.assertIsNone(acknowledged, f"{parent} {reference} is lost")
                    expected.append((wanted, None))
                    continue
                present += 1
                self.assertEqual([f.hex for f in entry.fingerprints],
                                 [f.hex for f in wanted.fingerprints])
                if acknowledged is not None:
                    self.assertEqual(entry.name, acknowledged)
                asked = done.asked.get(entry.name)
                allowed = {asked} if entry.name in done.acknowledged else {
                    types_pb2.PROVISIONAL, asked}
                self.assertIn(entry.state, allowed)
                if told < OUTCOMES and entry.state != types_pb2.PROVISIONAL or present % 50 == 0:
                    told += 1
                    kinds = [event.kind for event in owner.outcome(entry.name).history]
                    self.assertEqual(kinds, [Event.SUBMISSION] + (
                        [] if entry.state == types_pb2.PROVISIONAL else [EVENT_OF[entry.state]]))
                acts = entry.state in (types_pb2.PROVISIONAL, types_pb2.CONFIRMED)
                expected.append((wanted, entry.name if acts else None))
                done.names[parent, reference] = entry.name
        self.assert_matching(server, expected)
        return present

    def upload_again(self, server, done):
        """Sending everything again completes the lists under the same names."""
        for parent in done.list_names():
            before = self.stored(server, parent)
            references = done.sent[parent]
            for at in range(0, len(references), 1000):
                part = references[at:at + 1000]
                results = server.client("flagger").upload(
                    parent, [entry_of(done.seed, parent, r) for r in part])
                for reference, result in zip(part, results):
                    old = before.get(reference)
                    self.assertEqual(result.created, old is None)
                    if old is not None:
                        self.assertEqual((result.entry, result.state), (old.name, old.state))
            self.assertEqual(set(self.stored(server, parent)), set(references))

    def verify(self):
        done = harness.run("audit", "verify", "--data_dir", self.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)

    def doctor(self):
        done = harness.run("doctor", "--data_dir", self.data_dir)
        self.assertEqual(done.returncode, 0, done.stdout)

    def work(self, end):
        """Kills the server again and again: what was done, counted."""
        rounds = []
        counts = dict.fromkeys(("kills", "sent", "acknowledged", "present", "decided",
                                "seals", "merges"), 0)
        server = self.start()
        while len(rounds) < ROUNDS and time.monotonic() < end:
            done = Round(len(rounds), self.seed)
            done.run_until_killed(server)
            counts["kills"] += 1
            counts["sent"] += sum(map(len, done.sent.values()))
            counts["acknowledged"] += len(done.names)
            counts["decided"] += len(done.acknowledged)
            counts["seals"] += done.seals
            counts["merges"] += done.merges
            if len(rounds) % 20 == 0:
                self.doctor()
            if len(rounds) % 10 == 0:
                self.verify()  # with its signed heads
            # Refuses a database whose structure, rows or chain of events are not whole.
            server = self.start()
            counts["present"] += self.check_after_restart(server, done)
            if len(rounds) % 10 == 0:
                self.upload_again(server, done)
            rounds.append(done)
        self.check_all_rounds(server, rounds)
        self.assertEqual(server.stop(), 0)
        self.doctor()
        return counts

    def check_all_rounds(self, server, rounds):
        """Every round's entries are still as they were, after all later kills."""
        for done in rounds:
            for parent in done.list_names():
                stored = {e.name: e for e in self.stored(server, parent).values()}
                for name in done.acknowledged:
                    if name.startswith(parent + "/"):
                        self.assertEqual(stored[name].state, done.asked[name])
                for (where, _), name in done.names.items():
                    if where == parent:
                        self.assertIn(name, stored)


class Kill(harness.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        seed = int(os.environ.get("VIGIE_SEED") or random.SystemRandom().randrange(1 << 32))
        print(f"seed {seed}")
        end = time.monotonic() + BUDGET_SECONDS
        folders = [Folder(seed + number) for number in range(FOLDERS)]
        for folder in folders:
            self.addCleanup(folder.end)
        with concurrent.futures.ThreadPoolExecutor(FOLDERS) as pool:
            all_counts = list(pool.map(lambda folder: folder.work(end), folders))
        counts = {what: sum(c[what] for c in all_counts) for what in all_counts[0]}
        print(", ".join(f"{count} {what}" for what, count in counts.items()))
        self.assertGreater(counts["acknowledged"], 0)
        self.assertGreater(counts["decided"], 0)
        self.assertGreater(counts["merges"], 0)


if __name__ == "__main__":
    harness.main()
