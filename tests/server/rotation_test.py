"""Certificates are replaced while the server serves: nobody notices but who connects anew."""

import os
import signal
import socket
import ssl
import subprocess
import threading

import grpc

import harness
from certificates_test import Authority, openssl
from harness import picture
from vigie.v1 import match_pb2
from vigie.v1.types_pb2 import Verdict


def shown(server):
    """What a new connection is shown, in PEM."""
    host, port = server.address.rsplit(":", 1)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port)), timeout=harness.WAIT_SECONDS) as plain:
        with context.wrap_socket(plain) as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))


def openssl_client(host, port):
    return subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-showcerts",
                           "-alpn", "h2"], input=b"", capture_output=True, timeout=60,
                          check=False).stdout.decode(errors="replace")


def own(pem):
    """The first certificate of a file, as shown() writes it."""
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(pem.read_text()))


def expired(ca):
    return ca.sign("expired", "-days", "-1")


def replace(target, source):
    """As a renewal program does it: a file beside it, then renamed."""
    beside = target.with_suffix(".new")
    beside.write_bytes(source.read_bytes())
    os.replace(beside, target)


class Steady:
    """Unary checks one after the other, and an open stream, until closed; counts what fails."""

    def __init__(self, client):
        self._client = client
        self._stop = threading.Event()
        self._asked = threading.Semaphore(0)
        self.unary = self.streamed = 0
        self.failed = []
        self._threads = [threading.Thread(target=work) for work in (self._check, self._stream)]
        for thread in self._threads:
            thread.start()

    def _check(self):
        while not self._stop.is_set():
            try:
                verdict = self._client.check(picture("scene-1.png"))
                if verdict.outcome != Verdict.NO_MATCH:
                    self.failed.append(verdict)
                self.unary += 1
            except grpc.RpcError as error:
                self.failed.append(error)

    def _questions(self):
        asked = 0
        while not self._stop.is_set():
            yield match_pb2.StreamCheckRequest(id=str(asked), image=picture("scene-1.png"))
            asked += 1
            self._asked.acquire(timeout=harness.WAIT_SECONDS)

    def _stream(self):
        try:
            for answer in self._client.match.StreamCheck(self._questions(), timeout=600):
                if answer.verdict.outcome != Verdict.NO_MATCH:
                    self.failed.append(answer)
                self.streamed += 1
                self._asked.release()
        except grpc.RpcError as error:
            self.failed.append(error)

    def go_on(self):
        """Waits until both have been answered anew."""
        unary, streamed = self.unary, self.streamed
        harness.poll(lambda: self.failed or (self.unary > unary + 2 and
                                             self.streamed > streamed + 2), "answers")

    def close(self):
        self._stop.set()
        self._asked.release()
        for thread in self._threads:
            thread.join()


class Rotation(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = Authority("the authority")

    def setUp(self):
        folder = harness.new_folder()
        self.certificate, self.key = folder / "chain.pem", folder / "key.pem"
        self.first = self.ca.sign("first")
        self.put(self.first)

    def put(self, files):
        replace(self.certificate, files[0])
        replace(self.key, files[1])

    def serve(self, *flags):
        server = harness.Server("--tls.certificate", self.certificate, "--tls.key", self.key,
                                *flags, principals={"platform": ("forum", "platform")})
        self.addCleanup(server.stop)
        return server

    def client(self, server, files=None, ca=None):
        pair = {} if files is None else {"certificate_chain": files[0].read_bytes(),
                                         "private_key": files[1].read_bytes()}
        credentials = grpc.ssl_channel_credentials((ca or self.ca).certificate.read_bytes(), **pair)
        return server.client_with_key(server.keys["platform"], credentials)

    def test_new_connections_see_the_new_certificate_and_open_ones_go_on(self):
        server = self.serve()
        self.assertEqual(shown(server), own(self.first[0]))
        steady = Steady(self.client(server))
        try:
            for i in range(5):
                files = self.ca.sign(f"next-{i}")
                self.put(files)
                harness.poll(lambda files=files: shown(server) == own(files[0]),
                             "the new certificate without being told")
                steady.go_on()
                self.client(server).check(b"")
            files = self.ca.sign("told")
            self.put(files)
            server.signal(signal.SIGHUP)
            harness.poll(lambda: shown(server) == own(files[0]), "the new certificate by SIGHUP")
            steady.go_on()
        finally:
            steady.close()
        self.assertEqual(steady.failed, [])
        self.assertGreater(min(steady.unary, steady.streamed), 10)
        self.assertNotIn("PRIVATE KEY", server.log())

    def test_a_pair_of_no_use_keeps_the_old_one_and_is_told_once(self):
        server = self.serve()
        steady = Steady(self.client(server))
        text = harness.new_folder() / "text.pem"
        text.write_text("not a certificate")
        half = harness.new_folder() / "half.pem"
        half.write_bytes(self.ca.sign("half")[0].read_bytes()[:300])
        empty = harness.new_folder() / "empty.pem"
        empty.write_text("")
        another = self.ca.sign("another")
        bad = [((another[0], self.first[1]), "is not the key of the certificate"),
               (expired(self.ca), "expired at"), ((text, self.first[1]), "no certificate"),
               ((half, self.first[1]), "no certificate"), ((empty, another[1]), "cannot read"),
               ((another[0], text), "no private key")]
        try:
            for files, words in bad:
                with self.subTest(words):
                    told = server.log().count("of no use")
                    self.put(files)
                    harness.poll(lambda told=told: server.log().count("of no use") > told,
                                 "the error in the log")
                    last = [line for line in server.log().splitlines() if "of no use" in line][-1]
                    self.assertIn(words, last)
                    self.assertIn(str(self.key.parent), last)
                    steady.go_on()
                    self.assertEqual(shown(server), own(self.first[0]))
                    self.assertEqual(server.log().count("of no use"), told + 1)
                    server.signal(signal.SIGHUP)
                    harness.poll(lambda: "all that is in force stays" in
                                 server.log().splitlines()[-1], "the same of SIGHUP")
                    self.assertEqual(shown(server), own(self.first[0]))
            os.remove(self.key)
            harness.poll(lambda: "cannot read" in server.log().splitlines()[-1], "a key that is gone")
            self.put(another)
            harness.poll(lambda: shown(server) == own(another[0]), "a good pair again")
            steady.go_on()
        finally:
            steady.close()
        self.assertEqual(steady.failed, [])

    def test_the_authority_of_clients_is_replaced_too(self):
        old, new = Authority("clients"), Authority("others")
        client_ca = harness.new_folder() / "clients.pem"
        replace(client_ca, old.certificate)
        server = self.serve("--tls.client_ca", client_ca)
        before = self.client(server, old.sign("a"))
        before.check(b"")
        replace(client_ca, new.certificate)
        harness.poll(lambda: self.let_in(server, new.sign("b")), "clients of the new authority")
        self.assertFalse(self.let_in(server, old.sign("c")))
        before.check(b"")  # its connection was made before

    def let_in(self, server, files):
        client = self.client(server, files)
        try:
            client.check(b"")
            return True
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, error.details())
            return False
        finally:
            client.close()

    def test_a_chain_is_shown_whole(self):
        chain = harness.new_folder() / "chain.pem"
        chain.write_bytes(self.first[0].read_bytes() + self.ca.certificate.read_bytes())
        self.put((chain, self.first[1]))
        server = self.serve()
        host, port = server.address.rsplit(":", 1)
        done = openssl_client(host, port)
        self.assertEqual(done.count("BEGIN CERTIFICATE"), 2, done)

    def test_a_certificate_that_ends_soon_is_told(self):
        self.assertIn(" warning the certificate of", self.serve().log())

    def test_a_pair_of_no_use_is_refused_at_the_start(self):
        another = self.ca.sign("other")
        text = harness.new_folder() / "text.pem"
        text.write_text("not a certificate")
        locked = harness.new_folder() / "locked.key"
        openssl("ec", "-in", self.first[1], "-aes128", "-passout", "pass:x", "-out", locked)
        folder = harness.new_folder()
        for certificate, key, file, words in (
                (another[0], self.first[1], self.first[1], "not the key of the certificate"),
                (*expired(self.ca), "", "expired at"),
                (text, text, text, "no certificate"), (self.first[0], text, text, "no private key"),
                (self.first[0], locked, locked, "pass phrase"),
                (self.first[0], folder, folder, "cannot read"),
                (folder / "none", self.first[1], folder / "none", "cannot read")):
            for check in ([], ["--check-config"]):
                with self.subTest(f"{words} {check}"):
                    done = harness.run("serve", "--listen", "127.0.0.1:0", "--data_dir",
                                       folder / "data", "--tls.certificate", certificate,
                                       "--tls.key", key, *check)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    self.assertIn("(CONFIG_INVALID)", done.stderr)
                    self.assertIn(words, done.stderr)
                    self.assertIn(str(file), done.stderr)


if __name__ == "__main__":
    harness.main()
