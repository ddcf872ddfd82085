"""Configuration: file, environment, flags; what is refused and how it is said. And TLS."""

import subprocess

import grpc

import harness
from harness import pictures, run


class Config(harness.TestCase):
    """vigie serve --check-config."""

    def setUp(self):
        self.folder = harness.new_folder()
        self.file = self.folder / "vigie.toml"

    def check(self, text=None, flags=(), env=None):
        """Exit code, {key: value in effect}, standard error."""
        if text is not None:
            self.file.write_text(text)
            flags = ["--config", self.file, *flags]
        done = run("serve", "--check-config", *flags, env=env)
        values = dict(line.split(" = ", 1) for line in done.stdout.splitlines())
        return done.returncode, values, done.stderr

    def test_flags_beat_the_environment_and_the_environment_beats_the_file(self):
        text = "[limits]\nmax_distance = 10\nmax_image_bytes = 5000\n[match]\nmin_quality = 60\n"
        env = {"VIGIE_LIMITS_MAX_DISTANCE": "20", "VIGIE_LIMITS_MAX_IMAGE_BYTES": "6000"}
        code, values, _ = self.check(text, ["--limits.max_distance", "30"], env)
        self.assertEqual(code, 0)
        self.assertEqual((values["limits.max_distance"], values["limits.max_image_bytes"],
                          values["match.min_quality"], values["server.queue"]),
                         ("30", "6000", "60", "1024"))
        code, values, _ = self.check(env={"VIGIE_CONFIG": str(self.file)})
        self.assertEqual((code, values["limits.max_distance"]), (0, "10"))

    def test_every_value_is_a_key_a_flag_and_a_variable(self):
        _, defaults, _ = self.check()
        self.assertGreater(len(defaults), 15)
        others = {"true": "false", "false": "true", "mih": "faiss-flat",
                  "fast": "exact", "info": "debug", "process": "in-process", "text": "json",
                  "127.0.0.1:7443": "127.0.0.2:1", "127.0.0.1:7444": "127.0.0.2:2"}
        for key, default in defaults.items():
            # Files that must be valid.
            if key in ("tls.certificate", "tls.key", "tls.client_ca", "policy.file"):
                continue
            other = others.get(default, "17" if default.isdigit() else "elsewhere")
            other = {"limits.max_image_bytes": "4096", "match.effort": "thorough"}.get(key, other)
            variable = "VIGIE_" + key.upper().replace(".", "_")
            quoted = other if other.isdigit() or other in ("true", "false") else f'"{other}"'
            for where in ({"text": f"{key} = {quoted}"}, {"flags": [f"--{key}", other]},
                          {"env": {variable: other}}):
                with self.subTest(f"{key} {where}"):
                    code, values, error = self.check(**where)
                    self.assertEqual((code, values.get(key)), (0, other), error)

    def test_errors_name_the_file_and_the_line(self):
        for text, line, part in (
                ("listen = '127.0.0.1:0'\nlimit = 1\n", 2, "unknown key limit"),
                ("[limits]\n\nmax_pixels = 1\n", 3, "unknown key limits.max_pixels"),
                ("[limits]\nmax_distance = 48\n", 2, "from 0 to 47"),
                ("[limits]\nmax_distance = '5 bits'\n", 2, "whole number"),
                ("[limits]\nmax_distance = 1.5\n", 2, "limits.max_distance"),
                ("index.kind = 'other'\n", 1, "faiss-flat"),
                ("tls.allow_plaintext = 1\n", 1, "true or false"),
                ("listen = []\n", 1, "listen"),
                ("listen = 'a\n", 1, ""),
                ("a = 1\na = 2\n", 2, "")):
            with self.subTest(text):
                code, _, error = self.check(text)
                self.assertEqual(code, 2)
                self.assertIn(f"{self.file}: line {line}: ", error)
                self.assertIn(part, error)
                self.assertIn("(CONFIG_INVALID)", error)

    def test_bad_values_and_files_are_refused(self):
        for flags in (["--server.workers", "-1"], ["--server.workers", ""],
                      ["--limits.max_image_bytes", "1023"], ["--match.min_quality", "101"],
                      ["--match.decode_mode", "other"], ["--log.level", "all"],
                      ["--listen", "127.0.0.1"], ["--tls.certificate", "/dev/null"],
                      ["--tls.certificate", "none", "--tls.key", "none"], ["--unknown", "1"],
                      ["--config", self.folder / "none"], ["--config", self.folder]):
            with self.subTest(flags):
                code, values, error = self.check(flags=flags)
                self.assertEqual((code, values), (2, {}), error)
                self.assertTrue(error)
        code, _, error = self.check(env={"VIGIE_LOG_LEVEL": "all"})
        self.assertEqual((code, "log.level" in error), (2, True))

    def test_addresses_that_are_not_loopback_need_tls_or_consent(self):
        for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:7443", "example.org:7443", ":7443",
                       "127.0.0.1.example.org:1"):
            with self.subTest(listen):
                code, _, error = self.check(flags=["--listen", listen])
                self.assertEqual((code, "(CONFIG_INVALID)" in error), (2, True))
                done = run("serve", "--listen", listen, "--data_dir", self.folder / "data")
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                code, _, _ = self.check(flags=["--listen", listen, "--tls.allow_plaintext",
                                               "true"])
                self.assertEqual(code, 0)
        for listen in ("127.0.0.1:0", "127.1.2.3:1", "localhost:1", "[::1]:1"):
            self.assertEqual(self.check(flags=["--listen", listen])[0], 0)

    def test_a_server_runs_by_its_file(self):
        self.file.write_text("[limits]\nmax_distance = 5\nmax_image_bytes = 2048\n")
        server = harness.Server("--config", self.file,
                                principals={"flagger": ("helpline", "trusted_flagger"),
                                            "platform": ("forum", "platform")})
        self.addCleanup(server.stop)
        self.assertEqual(server.client("flagger").create_list("narrow").max_distance, 5)
        with self.fails(grpc.StatusCode.INVALID_ARGUMENT, "LIST_INVALID"):
            server.client("flagger").create_list("wide", max_distance=6)
        verdict = server.client("platform").check(harness.picture("scene-1.png"))
        self.assertEqual(verdict.not_scanned, harness.types_pb2.Verdict.TOO_LARGE)


class Tls(harness.TestCase):
    """A server with a certificate made for this test."""

    @classmethod
    def setUpClass(cls):
        folder = harness.new_folder()
        cls.certificate, cls.key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", cls.key, "-out",
                        cls.certificate], check=True, capture_output=True, timeout=60)
        cls.server = harness.Server("--tls.certificate", cls.certificate, "--tls.key", cls.key,
                                    principals={"platform": ("forum", "platform")})

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def test_checks_over_tls(self):
        done = self.server.run("platform", "check", "--ca", self.certificate,
                               pictures() / "scene-1.png")
        self.assertEqual((done.returncode, "no_match" in done.stdout), (0, True), done.stderr)
        credentials = grpc.ssl_channel_credentials(self.certificate.read_bytes())
        client = self.server.client_with_key(self.server.keys["platform"], credentials)
        self.assertEqual(client.check(b"").outcome, harness.types_pb2.Verdict.NOT_SCANNED)

    def test_a_client_refuses_a_server_it_does_not_trust(self):
        for flags in (["--tls"], []):
            with self.subTest(flags):
                done = self.server.run("platform", "check", *flags, "--timeout", "5",
                                       pictures() / "scene-1.png")
                self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
        done = self.server.run("platform", "check", "--ca", "none", pictures() / "scene-1.png")
        self.assertEqual(done.returncode, 2, done.stderr)

    def test_files_that_are_no_certificate_are_refused(self):
        bad = harness.new_folder() / "bad.pem"
        bad.write_text("not a certificate")
        done = run("serve", "--listen", "127.0.0.1:0", "--data_dir", harness.new_folder(),
                   "--tls.certificate", bad, "--tls.key", bad)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn(f"{bad} is no certificate", done.stderr)
        self.assertIn("(CONFIG_INVALID)", done.stderr)


if __name__ == "__main__":
    harness.main()
