"""Decoders in processes of their own: what becomes of requests and of the server when they are killed
and stopped, and that none is left behind."""

import concurrent.futures
import os
import pathlib
import random
import signal
import threading
import time
import unittest

import grpc

import harness
from harness import picture
from vigie.v1.types_pb2 import Verdict

WORKERS = 2
SECONDS = 3  # limits.decode_seconds


def children(pid):
    """The processes that `pid` has made and not yet waited for."""
    try:
        return [int(word) for word in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def spawner(server):
    """The process that makes a server's decoders. It may be a child of any of its threads."""
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            return int(child)
    return None


def signal_child(pid, number, is_child):
    """Sends a signal to `pid` if `is_child()` still says that it is one: whether it was sent."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not is_child():
            return False
        signal.pidfd_send_signal(process, number)
        return True
    except OSError:
        return False
    finally:
        os.close(process)


def signal_worker(server, number, chosen=None):
    """Sends a signal to one of the decoders, if it is one still: its pid, or None."""
    parent = spawner(server)
    workers = children(parent) if parent else []
    if not workers:
        return None
    pid = (chosen or random).choice(workers)
    return pid if signal_child(pid, number, lambda: pid in children(parent)) else None


def kill_spawner(server):
    """And the decoders with it, if there is one."""
    pid = spawner(server)
    if pid is not None:
        signal_child(pid, signal.SIGKILL, lambda: spawner(server) == pid)


class WithDecoders(harness.ServerTest):
    """A running server and its decoders."""

    flags = ("--decoder_workers", WORKERS, "--limits.decode_seconds", SECONDS,
             "--server.workers", "4")

    def assert_recovered(self):
        for _ in range(2 * WORKERS):
            self.assertEqual(self.platform.check(picture("scene-1.jpg")).outcome, Verdict.NO_MATCH)
        self.assertIsNone(self.server.process.poll())


class Decoders(WithDecoders):
    """What they may do."""

    def test_pictures_are_decoded_by_other_processes(self):
        parent = spawner(self.server)
        command = pathlib.Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
        self.assertEqual(command[1], b"decoder-spawner")
        self.assertEqual(len(children(parent)), WORKERS)
        for worker in children(parent):
            status = pathlib.Path(f"/proc/{worker}/status").read_text()
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.assertEqual((facts["NoNewPrivs"], facts["Seccomp"], facts["CapEff"]),
                             ("1", "2", "0" * 16))
            if os.geteuid() == 0:
                files = sorted(os.listdir(f"/proc/{worker}/fd"))
                self.assertEqual(files, ["0", "1", "2", "3"])
        self.assert_recovered()


class Stopped(WithDecoders):
    """A running server whose decoders hang."""

    def stop_all(self):
        """Stops all decoders: their pids."""
        pids = children(spawner(self.server))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)  # nobody waits for them now: the number is its own
        return pids

    def at_once(self, call):
        """What WORKERS callers get together, so that each meets another decoder."""
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as callers:
            return [done.result() for done in [callers.submit(call) for _ in range(WORKERS)]]

    def test_stopped_ones_cost_one_request_each_and_are_replaced(self):
        stopped = self.stop_all()
        for verdict in self.at_once(lambda: self.platform.check(picture("scene-1.jpg"))):
            self.assertEqual(verdict.outcome, Verdict.NOT_SCANNED)
            self.assertEqual(verdict.not_scanned, Verdict.DECODER_FAILED)
        self.assert_recovered()
        for pid in stopped:
            self.assertFalse(alive(pid))

    def test_hash_image_says_unavailable(self):
        def hash_image():
            with self.fails(grpc.StatusCode.UNAVAILABLE, "DECODER_FAILED"):
                self.flagger.hash_image(picture("scene-1.jpg"))
        self.stop_all()
        self.at_once(hash_image)
        self.assert_recovered()


class Killed(WithDecoders):
    """A running server whose decoders are killed."""

    def test_killed_ones_cost_at_most_one_request_each(self):
        names = ("scene-1.jpg", "scene-2.png", "scene-1-same.avif", "animation-2-1-3.webp")
        stop = threading.Event()

        def check_until_stopped(name):
            answered, failed = 0, 0
            client = self.server.client("platform")
            while not stop.is_set():
                verdict = client.check(picture(name))
                if verdict.outcome == Verdict.NOT_SCANNED:
                    self.assertEqual(verdict.not_scanned, Verdict.DECODER_FAILED, verdict)
                    self.assertTrue(verdict.detail)
                    failed += 1
                else:
                    self.assertEqual(verdict.outcome, Verdict.NO_MATCH)
                    answered += 1
            return answered, failed

        chosen = random.Random(6)
        with concurrent.futures.ThreadPoolExecutor(len(names)) as callers:
            running = [callers.submit(check_until_stopped, name) for name in names]
            killed = 0
            try:
                while killed < 100:
                    killed += signal_worker(self.server, signal.SIGKILL, chosen) is not None
                    time.sleep(chosen.random() / 20)
            finally:
                stop.set()
            counts = [each.result(timeout=harness.WAIT_SECONDS) for each in running]
        answered, failed = (sum(column) for column in zip(*counts))
        print(f"{killed} decoders killed: {answered} requests answered, {failed} not scanned")
        self.assertLessEqual(failed, killed)
        self.assertGreater(answered, 0)
        self.assert_recovered()

    def test_without_its_spawner_the_server_starts_another(self):
        before = spawner(self.server)
        workers = children(before)
        os.kill(before, signal.SIGKILL)  # our server's child, which it has not waited for
        for worker in workers:
            harness.poll(lambda pid=worker: not alive(pid), "the decoders end")
        self.assert_recovered()
        self.assertNotEqual(spawner(self.server), before)


class Leaving(harness.TestCase):
    """What is left of the decoders when the server goes."""

    def ends(self, end):
        server = harness.Server(principals={"platform": ("forum", "platform")})
        parent = spawner(server)
        processes = [parent, *children(parent)]
        self.assertEqual(server.client("platform").check(picture("scene-1.jpg")).outcome,
                         Verdict.NO_MATCH)
        end(server)
        for pid in processes:
            harness.poll(lambda pid=pid: not alive(pid), f"process {pid} ends")

    def test_nothing_after_a_stop(self):
        self.ends(lambda server: self.assertEqual(server.stop(), 0))

    def test_nothing_after_a_kill(self):
        def kill(server):
            server.process.kill()
            server.wait()
        self.ends(kill)

    def test_what_is_in_flight_is_answered_when_all_processes_are_told_to_end(self):
        """As a process manager or a terminal does it."""
        server = harness.Server("--server.drain_notice_ms", "1000",
                                principals={"platform": ("forum", "platform")})
        client = server.client("platform")
        parent = spawner(server)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            for pid in (parent, *children(parent)):
                os.kill(pid, number)
        server.signal()
        for _ in range(10):
            self.assertEqual(client.check(picture("scene-1.jpg")).outcome, Verdict.NO_MATCH)
        self.assertEqual(server.stop(), 0)


class InProcess(harness.ServerTest):
    """decoder = "in-process"."""

    flags = ("--decoder", "in-process")

    def test_no_process_is_started(self):
        self.assertIsNone(spawner(self.server))
        self.assertEqual(self.platform.check(picture("scene-1.jpg")).outcome, Verdict.NO_MATCH)


class Commands(unittest.TestCase):
    """The hidden subcommand."""

    def test_the_spawner_is_not_for_people(self):
        done = harness.run("decoder-spawner")
        self.assertEqual(done.returncode, 2)
        self.assertIn("started by the server", done.stderr)
        self.assertNotIn("decoder-spawner", harness.run("--help").stdout)


if __name__ == "__main__":
    harness.main()
