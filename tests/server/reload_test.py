"""SIGHUP: the configuration is read again under traffic; what changes and what does not."""

import signal
import socket
import threading

import grpc

import harness
from certificates_test import Authority
from harness import picture, run
from vigie.v1.types_pb2 import Verdict


class Reload(harness.TestCase):
    def setUp(self):
        self.file = harness.new_folder() / "vigie.toml"
        self.policy = self.file.with_name("policy.toml")
        self.policy.write_text("name = 'one'\n")

    def serve(self, text, *flags, **options):
        self.file.write_text(text)
        server = harness.Server("--config", self.file, *flags,
                                principals={"platform": ("forum", "platform")}, **options)
        self.addCleanup(server.stop)
        return server

    def reload(self, server, text, told):
        """What the log says from the signal on."""
        if text is not None:
            self.file.write_text(text)
        before = len(server.log())
        server.signal(signal.SIGHUP)
        harness.poll(lambda: told in server.log()[before:], told)
        return server.log()[before:]

    READ = "the configuration was read again"

    def test_what_can_change_changes_without_a_failed_request(self):
        server = self.serve("log.level = 'info'\n")
        stop = threading.Event()
        failed, done = [], []

        def work():
            client = server.client("platform")
            while not stop.is_set():
                try:
                    done.append(client.check(picture("scene-1.png")).outcome)
                except grpc.RpcError as error:
                    failed.append(error)
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for i in range(10):
                level = "debug" if i % 2 == 0 else "info"
                text = f"log.level = '{level}'\nserver.drain_ms = {1000 + i}\n"
                if level == "debug":
                    text += f"policy.file = '{self.policy}'\n"
                log = self.reload(server, text, self.READ)
                self.assertIn(f"reload: log.level = {level}\n", log)
                self.assertIn(f"reload: server.drain_ms = {1000 + i}\n", log)
                self.assertNotIn("restart", log)
                name = "one" if level == "debug" else ""
                self.assertEqual(server.client("platform").check(b"").policy, name)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(set(done), {Verdict.NO_MATCH})
        self.assertIn("method=CheckImage", server.log())  # as debug says
        lines = len(server.log().splitlines())
        server.client("platform").check(b"")
        self.assertEqual(len(server.log().splitlines()), lines)  # as info does not

    def test_what_needs_a_restart_is_named_and_does_not_change(self):
        server = self.serve("limits.max_image_bytes = 4000000\n")
        log = self.reload(server, "limits.max_image_bytes = 2048\nindex.kind = 'flat'\n"
                          "log.level = 'debug'\n", self.READ)
        [warning] = [line for line in log.splitlines() if " warning " in line]
        self.assertIn("need a restart: index.kind, limits.max_image_bytes", warning)
        self.assertIn("reload: log.level = debug", log)
        verdict = server.client("platform").check(picture("scene-1.png"))
        self.assertEqual(verdict.outcome, Verdict.NO_MATCH)
        # It is said again until the restart, and not any more when the file is as it was.
        self.assertIn("need a restart", self.reload(server, None, self.READ))
        log = self.reload(server, "limits.max_image_bytes = 4000000\n", self.READ)
        self.assertNotIn("restart", log)

    def test_tls_does_not_begin_by_a_reload(self):
        server = self.serve("")
        certificate, key = Authority("a").sign("localhost")
        log = self.reload(server, f"tls.certificate = '{certificate}'\ntls.key = '{key}'\n",
                          self.READ)
        self.assertIn("need a restart: tls.certificate, tls.key", log)
        server.client("platform").check(b"")

    def test_a_file_that_is_not_valid_changes_nothing_and_says_why(self):
        server = self.serve(f"policy.file = '{self.policy}'\n")
        bad_policy = self.policy.with_name("bad.toml")
        bad_policy.write_text("rules")
        for text, words in (("log.level = 'debug'\nlimits = 3\n", "line 2: unknown key limits"),
                            ("log.level = 'debug'\nserver.drain_ms = -1\n", "server.drain_ms"),
                            ("log.level = 'deb", "line 1: "),
                            ("log.level = 'debug'\ntls.key = 'x'\n", "come together"),
                            (f"log.level = 'debug'\npolicy.file = '{bad_policy}'\n", "bad.toml")):
            with self.subTest(words):
                log = self.reload(server, text, "all that is in force stays")
                [line] = [line for line in log.splitlines() if " error " in line]
                self.assertIn(words, line)
                self.assertEqual(server.client("platform").check(b"").policy, "one")
        self.file.unlink()
        self.reload(server, None, "all that is in force stays")
        self.assertNotIn("method=CheckImage", server.log())  # never debug

    def test_flags_still_count_more_than_the_file(self):
        server = self.serve("log.level = 'info'\n", "--log.level", "warning")
        self.file.write_text("log.level = 'debug'\nserver.drain_ms = 'x'\n")
        server.signal(signal.SIGHUP)
        harness.poll(lambda: "stays" in server.log(), "the error")
        self.file.write_text("log.level = 'debug'\n")
        server.signal(signal.SIGHUP)
        server.client("platform").check(b"")
        self.assertNotIn("CheckImage", server.log())
        self.assertEqual(server.stop(), 0)

    def test_check_config_sends_and_changes_nothing(self):
        self.file.write_text("server.drain_ms = 7\n")
        done = run("serve", "--config", self.file, "--check-config")
        self.assertEqual(done.returncode, 0)
        self.assertIn("server.drain_ms = 7\n", done.stdout)


class ServiceManager(harness.TestCase):
    """What systemd is told through NOTIFY_SOCKET."""

    def test_ready_reloading_and_stopping_are_told(self):
        path = harness.new_folder() / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(path))
            told.settimeout(harness.WAIT_SECONDS)

            def next_state():
                while True:
                    text = told.recv(4096).decode()
                    if not text.startswith("EXTEND_TIMEOUT_USEC="):
                        return text
            server = harness.Server(env={"NOTIFY_SOCKET": str(path)},
                                    principals={"platform": ("forum", "platform")})
            self.addCleanup(server.stop)
            self.assertEqual(next_state(), f"READY=1\nSTATUS=serving on {server.address}")
            server.signal(signal.SIGHUP)
            self.assertRegex(next_state(), r"^RELOADING=1\nMONOTONIC_USEC=[0-9]+$")
            self.assertEqual(next_state(), "READY=1")
            server.signal()
            self.assertEqual(next_state().splitlines()[0], "STOPPING=1")
            self.assertEqual(server.stop(), 0)

    def test_a_socket_that_is_not_there_stops_nothing(self):
        for where in ("/nonexistent/socket", "@nobody-listens-here", "x" * 200, ""):
            server = harness.Server(env={"NOTIFY_SOCKET": where})
            self.assertEqual(server.stop(), 0)


class Health(harness.TestCase):
    """vigie health: what a probe runs."""

    def test_exit_codes(self):
        server = harness.Server("--server.drain_notice_ms", "600000")
        self.addCleanup(server.process.kill)
        ask = ("health", "--server", server.address)
        done = run(*ask)
        self.assertEqual((done.returncode, done.stdout), (0, "serving\n"), done.stderr)
        self.assertEqual(run(*ask, "--service", "vigie.v1.MatchService").returncode, 0)
        done = run(*ask, "--service", "no.such.Service")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        server.signal()
        harness.poll(lambda: run(*ask).returncode == 1, "not serving")
        self.assertEqual(run(*ask).stdout, "not serving\n")
        server.process.kill()
        server.wait()
        self.assertEqual(run(*ask, "--timeout", "2").returncode, 3)
        self.assertEqual(run("health", "--server", server.address, "--config", "x").returncode, 2)

    def test_of_the_server_that_a_file_configures(self):
        certificate, key = Authority("a").sign("elsewhere.example")
        file = harness.new_folder() / "vigie.toml"
        file.write_text(f"tls.certificate = '{certificate}'\ntls.key = '{key}'\n")
        server = harness.Server("--config", file, listen="0.0.0.0:0")
        self.addCleanup(server.stop)
        env = {"VIGIE_LISTEN": "0.0.0.0:" + server.address.rsplit(":", 1)[1]}
        self.assertEqual(run("health", "--config", file, env=env).returncode, 0)
        local = "127.0.0.1:" + env["VIGIE_LISTEN"].rsplit(":", 1)[1]
        self.assertEqual(run("health", "--any-certificate", "--server", local).returncode, 0)
        for flags in ([], ["--tls"]):  # plaintext; a name that is another
            done = run("health", "--server", local, "--timeout", "2", *flags)
            self.assertEqual(done.returncode, 3, done.stdout)
        done = run("health", "--config", file.with_name("none"))
        self.assertEqual((done.returncode, "(CONFIG_INVALID)" in done.stderr), (2, True))


if __name__ == "__main__":
    harness.main()
