"""Client certificates in the place of keys, made with openssl for this test."""

import json
import subprocess
import time

import grpc

import harness
from vigie.v1 import lists_pb2

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
SECONDS = 5


def openssl(*arguments, **options):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60,
                   **options)


class Authority:
    """A folder with an authority, and certificates that it has signed."""

    def __init__(self, name):
        self.folder = harness.new_folder()
        self.certificate = self.folder / "ca.pem"
        self._key = self.folder / "ca.key"
        self._new_key(self._key)
        openssl("req", "-x509", "-new", "-key", self._key, "-days", "2", "-subj", f"/CN={name}",
                "-out", self.certificate)

    def _new_key(self, path):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)

    def sign(self, name, *days):
        """(certificate file, key file) of a new certificate."""
        key, request, certificate, extra = (self.folder / f"{name}.{what}"
                                            for what in ("key", "csr", "pem", "ext"))
        self._new_key(key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        extra.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                "-CAcreateserial", "-days", "2", "-extfile", extra, "-out", certificate, *days)
        return certificate, key


class CertificateTest(harness.TestCase):
    """Servers and certificates of one authority."""

    @classmethod
    def setUpClass(cls):
        cls.ca = Authority("the authority")
        cls.server_files = cls.ca.sign("localhost")
        cls.servers = []
        cls.server = cls.serve("--tls.client_ca", cls.ca.certificate)

    @classmethod
    def serve(cls, *flags):
        server = harness.Server("--tls.certificate", cls.server_files[0], "--tls.key",
                                cls.server_files[1], *flags,
                                principals={"victims": ("victims", "victim_service")})
        cls.servers.append(server)
        return server

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            assert server.stop() == 0, server.log()

    def client(self, files, key=None, server=None):
        server = server or self.server
        pair = {} if files is None else {"certificate_chain": files[0].read_bytes(),
                                         "private_key": files[1].read_bytes()}
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self.ca.certificate.read_bytes(), **pair)
        return server.client_with_key(key, credentials)

    def command(self, *arguments):
        done = harness.run(*arguments, "--data_dir", self.server.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def register(self, certificate, *flags):
        """The id of the record that the certificate now has."""
        done = self.command("key", "create", "--org", "victims", "--role", "victim_service",
                            "--certificate", certificate, *flags)
        self.assertEqual(done.stdout, "", "a certificate has no secret to show")
        return done.stderr.split()[2]

    def reason(self, client):
        """Why the caller may not list its lists; "" when it may."""
        try:
            client.lists.ListLists(lists_pb2.ListListsRequest(), timeout=10)
            return ""
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                return "UNAVAILABLE"
            self.assertEqual(error.code(), UNAUTHENTICATED, error.details())
            return harness.wire.error_reason(error)

    def becomes(self, client, reason):
        harness.poll(lambda: self.reason(client) == reason, f"{reason or 'let in'}", SECONDS)

    def test_a_certificate_is_its_principal_from_registration_to_revocation(self):
        files = self.ca.sign("one")
        client = self.client(files)
        self.assertEqual(self.reason(client), "CERTIFICATE_UNKNOWN")
        key_id = self.register(files[0], "--label", "one")
        self.becomes(client, "")
        self.assertEqual(client.create_list("by-certificate").organisation, "victims")
        line = [line for line in map(json.loads, self.command(
            "key", "list", "--json").stdout.splitlines()) if line["id"] == key_id][0]
        self.assertEqual((line["kind"], line["label"]), ("certificate", "one"))
        again = harness.run("key", "create", "--org", "forum", "--role", "platform",
                            "--certificate", files[0], "--data_dir", self.server.data_dir)
        self.assertEqual((again.returncode, "(KEY_EXISTS)" in again.stderr), (3, True))
        self.command("key", "revoke", key_id)
        self.becomes(client, "KEY_REVOKED")

    def test_a_certificate_of_another_authority_is_refused_by_tls(self):
        stranger = Authority("the authority").sign("one")
        self.register(stranger[0])  # knowing it does not help: nobody vouches for who shows it
        self.assertEqual(self.reason(self.client(stranger)), "UNAVAILABLE")

    def test_a_certificate_without_its_private_key_is_of_no_use(self):
        files = self.ca.sign("two")
        self.register(files[0])
        other_key = self.ca.sign("thief")[1]
        self.assertEqual(self.reason(self.client((files[0], other_key))), "UNAVAILABLE")

    def test_a_key_decides_when_both_are_shown(self):
        files = self.ca.sign("three")
        self.register(files[0])
        self.becomes(self.client(files), "")
        self.assertEqual(self.reason(self.client(files, "vgk_nonsense")), "KEY_INVALID")
        unknown = self.ca.sign("four")
        self.assertEqual(self.reason(self.client(unknown, self.server.keys["victims"])), "")

    def test_without_a_certificate_a_key_works_and_nothing_does_not(self):
        self.assertEqual(self.reason(self.client(None, self.server.keys["victims"])), "")
        self.assertEqual(self.reason(self.client(None)), "KEY_MISSING")

    def test_a_registration_ends_and_is_rotated(self):
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        files = self.ca.sign("five")
        self.register(files[0], "--valid_until", soon)
        client = self.client(files)
        self.becomes(client, "")
        harness.poll(lambda: self.reason(client) == "KEY_EXPIRED", "it ends", SECONDS + 3)

        old, new = self.ca.sign("six"), self.ca.sign("seven")
        key_id = self.register(old[0])
        bare = harness.run("key", "rotate", key_id, "--data_dir", self.server.data_dir)
        self.assertEqual((bare.returncode, "--certificate" in bare.stderr), (2, True))
        self.command("key", "rotate", key_id, "--certificate", new[0], "--overlap_hours", "1")
        self.becomes(self.client(new), "")
        self.assertEqual(self.reason(self.client(old)), "")
        self.command("key", "revoke", key_id)
        self.becomes(self.client(old), "KEY_REVOKED")
        self.assertEqual(self.reason(self.client(new)), "")

    def test_a_server_without_an_authority_of_clients_asks_for_no_certificate(self):
        plain = self.serve()
        files = self.ca.sign("eight")
        done = harness.run("key", "create", "--org", "victims", "--role", "victim_service",
                           "--certificate", files[0], "--data_dir", plain.data_dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.reason(self.client(files, server=plain)), "KEY_MISSING")
        key = plain.keys["victims"]
        self.assertEqual(self.reason(self.client(files, key, server=plain)), "")

    def test_the_commands_show_a_certificate(self):
        files = self.ca.sign("nine")
        self.register(files[0])
        self.becomes(self.client(files), "")
        call = ("list", "show", "--server", self.server.address, "--ca", self.ca.certificate,
                "--certificate", files[0])
        done = harness.run(*call, "--certificate-key", files[1])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(harness.run(*call).returncode, 2)
        done = harness.run(*call, "--certificate-key", harness.new_folder() / "none")
        self.assertEqual(done.returncode, 2)

    def test_files_that_are_no_client_certificate_are_not_registered(self):
        certificate, key = self.ca.sign("ten")
        folder = harness.new_folder()
        chain = folder / "chain.pem"
        chain.write_bytes(certificate.read_bytes() + self.ca.certificate.read_bytes())
        text = folder / "text.pem"
        text.write_text("not a certificate")
        for path in (key, chain, text, folder / "none.pem", folder):
            with self.subTest(path.name):
                done = harness.run("key", "create", "--org", "victims", "--role",
                                   "victim_service", "--certificate", path, "--data_dir",
                                   self.server.data_dir)
                self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)

    def test_the_configuration_is_checked(self):
        with_ca = ("serve", "--check-config", "--tls.client_ca", self.ca.certificate)
        self.assertEqual(harness.run(*with_ca).returncode, 2)
        tls = ("--tls.certificate", self.server_files[0], "--tls.key", self.server_files[1])
        self.assertEqual(harness.run(*with_ca, *tls).returncode, 0)
        self.assertEqual(harness.run("serve", "--check-config", *tls, "--tls.client_ca",
                                     self.ca.folder / "none").returncode, 2)


if __name__ == "__main__":
    harness.main()
