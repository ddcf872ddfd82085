"""Starts `vigie serve` on loopback with keys and clients, and stops it; what all tests here use.

Environment: VIGIE_PROGRAM and VIGIE_MAKE_PICTURES (paths), VIGIE_SOURCE_DIR, VIGIE_SHARED."""

import contextlib
import functools
import http.client
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import grpc

import wire
from vigie.v1 import (audit_pb2_grpc, lists_pb2, lists_pb2_grpc, match_pb2, match_pb2_grpc,
                      review_pb2, review_pb2_grpc, types_pb2)

PROGRAM = os.environ["VIGIE_PROGRAM"]
WAIT_SECONDS = 60  # for anything that should happen soon; sanitizers are slow
DEFAULTS = {  # of what tests start
    "--server.drain_notice_ms": 0,
    "--metrics.listen": "127.0.0.1:0",
    "--canary.interval_seconds": 0,  # it would add a list, an entry and events
    "--limits.max_wait_ms": 60_000,  # a slow machine refuses nothing
    "--match.thorough_ms": 60_000,  # nor ends a search before its end
}
_logs = []  # (title, path) of every server, printed when a test fails
_folder = tempfile.TemporaryDirectory(prefix="vigie-test-")


def new_folder():
    """An empty folder that goes when the test program ends."""
    return pathlib.Path(tempfile.mkdtemp(dir=_folder.name))


@functools.lru_cache(maxsize=None)
def pictures():
    """The folder of test pictures (see make_pictures.cc)."""
    folder = new_folder()
    subprocess.run([os.environ["VIGIE_MAKE_PICTURES"], folder], check=True, timeout=WAIT_SECONDS)
    return folder


@functools.lru_cache(maxsize=None)
def picture(name):
    return (pictures() / name).read_bytes()


def poll(condition, what, seconds=WAIT_SECONDS):
    """Returns the first true value of `condition()`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.01)


def clean_environment(extra=None):
    """This environment without settings of Vigie and proxies, and with `extra`."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith("VIGIE_") and "proxy" not in k.lower()}
    return {**kept, **(extra or {})}


def run(*arguments, key=None, env=None, input=None):
    """Runs the program to its end: a CompletedProcess with text output."""
    extra = dict(env or {})
    if key is not None:
        extra["VIGIE_KEY"] = key
    return subprocess.run([PROGRAM, *map(str, arguments)], env=clean_environment(extra),
                          input=input, capture_output=True, text=True, errors="replace",
                          timeout=WAIT_SECONDS, check=False)


def make_key(data_dir, organisation, role, *flags):
    """A key; a trusted flagger is designated for everything unless `flags` say otherwise."""
    if role == "trusted_flagger" and not flags:
        flags = ("--designation", "test")
    made = run("key", "create", "--data_dir", data_dir, "--org", organisation, "--role", role,
               *flags)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def edit_database(data_dir, sql):
    """Changes a database behind the program's back, but leaves its rows as if it had done it."""
    subprocess.run([os.environ["VIGIE_EDIT_DATABASE"], pathlib.Path(data_dir) / "vigie.db", sql],
                   check=True, timeout=WAIT_SECONDS)


class Stub:
    """A generated stub whose calls carry a key and a deadline."""

    def __init__(self, stub, key):
        self._stub = stub
        self._metadata = [] if key is None else [("authorization", f"Bearer {key}")]

    def __getattr__(self, method):
        call = getattr(self._stub, method)

        def with_key(request, timeout=WAIT_SECONDS):
            return call(request, metadata=self._metadata, timeout=timeout)
        return with_key


class Client:
    """One caller's connection. `match`, `lists`, `reviews` and `audit` are the services."""

    def __init__(self, address, key, credentials=None):
        # The library's own retries may leave a stream waiting for ever (docs/api.md).
        options = [("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0),
                   ("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1),
                   ("grpc.use_local_subchannel_pool", 1)]
        self.key = key
        self.channel = (grpc.insecure_channel(address, options) if credentials is None
                        else grpc.secure_channel(address, credentials, options))
        self.match = Stub(match_pb2_grpc.MatchServiceStub(self.channel), key)
        self.lists = Stub(lists_pb2_grpc.ListServiceStub(self.channel), key)
        self.reviews = Stub(review_pb2_grpc.ReviewServiceStub(self.channel), key)
        self.audit = Stub(audit_pb2_grpc.AuditServiceStub(self.channel), key)

    def close(self):
        self.channel.close()

    # Shorthands of the calls that most tests make.
    def create_list(self, list_id, kind=lists_pb2.List.BLOCK, category=types_pb2.NCII, **fields):
        return self.lists.CreateList(lists_pb2.CreateListRequest(
            list_id=list_id, list=lists_pb2.List(kind=kind, category=category, **fields)))

    def upload(self, parent, entries):
        """The results of one message of `entries`."""
        request = lists_pb2.UploadEntriesRequest(parent=parent, entries=entries)
        [response] = self.lists.UploadEntries(iter([request]))
        return response.results

    def check(self, image, **settings):
        return self.match.CheckImage(match_pb2.CheckImageRequest(
            image=image, settings=match_pb2.CheckSettings(**settings))).verdict

    def check_hash(self, fingerprint, **settings):
        picture_message = match_pb2.HashedPicture(fingerprints=[fingerprint])
        return self.match.CheckHashes(match_pb2.CheckHashesRequest(
            pictures=[picture_message], settings=match_pb2.CheckSettings(**settings))).verdicts[0]

    def decide(self, method, name, person="", reason=types_pb2.REASON_CODE_UNSPECIFIED, **fields):
        """ConfirmEntry, RejectEntry... of the entry `name`."""
        return getattr(self.reviews, method)(review_pb2.DecideRequest(
            name=name, decision=review_pb2.Decision(person=person, reason=reason, **fields)))

    def settle(self, name, settlement, person="", reason=types_pb2.REASON_CODE_UNSPECIFIED):
        return self.reviews.SettleEntry(review_pb2.SettleEntryRequest(
            name=name, settlement=settlement,
            decision=review_pb2.Decision(person=person, reason=reason)))

    def outcome(self, name):
        return self.reviews.GetOutcome(review_pb2.GetOutcomeRequest(name=name))

    def hash_image(self, image):
        return self.match.HashImage(match_pb2.HashImageRequest(image=image)).fingerprints

    def entries(self, parent, view=lists_pb2.BASIC, page_size=1000):
        found = []
        token = ""
        while True:
            page = self.lists.ListEntries(lists_pb2.ListEntriesRequest(
                parent=parent, page_size=page_size, page_token=token, view=view))
            found.extend(page.entries)
            token = page.next_page_token
            if not token:
                return found


class Server:
    """A running `vigie serve`. `principals` names callers: {"name": ("organisation", "role")}."""

    def __init__(self, *flags, data_dir=None, principals=None, env=None, listen="127.0.0.1:0"):
        self.data_dir = pathlib.Path(data_dir or new_folder() / "data")
        self.keys = {name: make_key(self.data_dir, *who)
                     for name, who in (principals or {}).items()}
        self.log_path = new_folder() / "log"
        self._clients = []
        arguments = [PROGRAM, "serve", "--data_dir", self.data_dir, "--listen", listen, *flags]
        for flag, value in DEFAULTS.items():
            if flag not in flags:
                arguments += [flag, value]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE,
                                            stderr=log, env=clean_environment(env))
        _logs.append((" ".join(map(str, arguments[1:])), self.log_path))
        self.address = self._wait_until_ready()

    def _wait_until_ready(self):
        return self._read_line("vigie: ready on ")

    @functools.cached_property
    def metrics_address(self):
        """Host and port; the line that names it follows the first."""
        page = self._read_line("vigie: metrics on http://")
        assert page.endswith("/metrics"), page
        return page.removesuffix("/metrics")

    def get(self, path):
        """The status and the text of a page of the metrics server."""
        connection = http.client.HTTPConnection(self.metrics_address, timeout=WAIT_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _read_line(self, prefix):
        line = b""
        end = time.monotonic() + WAIT_SECONDS
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            got = os.read(self.process.stdout.fileno(), 1) if ready else b""
            if not got:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the server did not start: {line!r}\n{self.log()}")
            line += got
        assert line.decode().startswith(prefix), line
        return line.decode()[len(prefix):].strip()

    def client(self, name):
        """A new client of the principal `name`; None: one without a key."""
        return self.client_with_key(None if name is None else self.keys[name])

    def client_with_key(self, key, credentials=None, address=None):
        client = Client(address or self.address, key, credentials)
        self._clients.append(client)
        return client

    def run(self, name, *arguments, **options):
        """Runs a client command as the principal `name`."""
        env = {"VIGIE_SERVER": self.address, **options.pop("env", {})}
        return run(*arguments, key=self.keys[name], env=env, **options)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The exit code."""
        code = self.process.wait(timeout=WAIT_SECONDS)
        self.process.stdout.close()
        return code

    def close_clients(self):
        for client in self._clients:
            client.close()

    def stop(self):
        """Stops it, if it still runs: the exit code."""
        self.close_clients()
        if self.process.poll() is None:
            self.signal()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class TestCase(unittest.TestCase):
    """Assertions that several files need."""

    @contextlib.contextmanager
    def fails(self, code, reason):
        """The call inside fails with this gRPC code and this machine reason."""
        with self.assertRaises(grpc.RpcError) as caught:
            yield
        error = caught.exception
        self.assertEqual((error.code(), wire.error_reason(error)), (code, reason), error.details())

    def assert_no_hash(self, message, fingerprints):
        """No value of `fingerprints` is in the serialised or the printed message."""
        places = [message.SerializeToString(), str(message).encode()]
        for fingerprint in fingerprints:
            value = bytes.fromhex(fingerprint.hex)
            for needle in (value, value.hex().encode(), value.hex().upper().encode()):
                for place in places:
                    self.assertNotIn(needle, place)


class ServerTest(TestCase):
    """One server for all tests of a class."""

    flags = ()
    principals = {"flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform")}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags, principals=cls.principals)
        for name in cls.principals:
            setattr(cls, name, cls.server.client(name))

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, f"the server ended with {code}\n{cls.server.log()}"


def main():
    """unittest.main() that prints the servers' logs when something failed."""
    program = unittest.main(exit=False, verbosity=2)
    ok = program.result.wasSuccessful()
    for title, path in [] if ok else _logs:
        print(f"--- log of: {title}", file=sys.stderr)
        print("\n".join(path.read_text(errors="replace").splitlines()[-30:]), file=sys.stderr)
    _folder.cleanup()
    sys.exit(0 if ok else 1)
