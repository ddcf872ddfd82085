"""Builds the Debian package as `cmake --build build/release --target deb` does, and looks into it."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import harness

ROOT = pathlib.Path(os.environ["VIGIE_SOURCE_DIR"])
BINARY_DIR = pathlib.Path(os.environ["VIGIE_BINARY_DIR"])


def output(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200,
                          check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@unittest.skipUnless(shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps"), "not on Debian")
class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = harness.new_folder()
        output(os.environ["VIGIE_CPACK"], "--config", BINARY_DIR / "CPackConfig.cmake", "-B", folder,
               cwd=BINARY_DIR)
        cls.deb = folder / "vigie.deb"
        cls.root = folder / "root"
        output("dpkg-deb", "--raw-extract", cls.deb, cls.root)
        cls.control = dict(re.findall(r"^([A-Z][A-Za-z-]*): (.*)$",
                                      (cls.root / "DEBIAN/control").read_text(), re.MULTILINE))

    def test_everything_is_where_debian_has_it(self):
        files = {str(path.relative_to(self.root)) for path in self.root.rglob("*")
                 if path.is_file()}
        expected = {"usr/bin/vigie", "lib/systemd/system/vigie.service", "etc/vigie/vigie.toml",
                    "usr/share/man/man1/vigie.1.gz",
                    "usr/share/bash-completion/completions/vigie",
                    "usr/share/zsh/vendor-completions/_vigie",
                    "usr/share/fish/vendor_completions.d/vigie.fish",
                    "usr/share/doc/vigie/copyright", "usr/share/doc/vigie/changelog.gz",
                    "usr/share/doc/vigie/operating.md", "usr/share/vigie/proto/vigie/v1/match.proto",
                    *(f"DEBIAN/{name}" for name in ("control", "md5sums", "conffiles", "postinst",
                                                    "prerm", "postrm"))}
        self.assertLessEqual(expected, files)
        for path in files:
            self.assertRegex(path, r"^(DEBIAN|usr/bin/vigie$|usr/share/|lib/systemd/|etc/vigie/)")

    def test_what_is_in_it_is_what_was_built(self):
        env = harness.clean_environment()
        packed = output(self.root / "usr/bin/vigie", "--version", env=env)
        self.assertEqual(packed, output(harness.PROGRAM, "--version", env=env))
        page = gzip.decompress((self.root / "usr/share/man/man1/vigie.1.gz").read_bytes()).decode()
        self.assertEqual(page, harness.run("manual").stdout)
        for shell, path in (("bash", "bash-completion/completions/vigie"),
                            ("zsh", "zsh/vendor-completions/_vigie"),
                            ("fish", "fish/vendor_completions.d/vigie.fish")):
            self.assertEqual((self.root / "usr/share" / path).read_text(),
                             harness.run("completion", shell).stdout)
        self.assertEqual((self.root / "DEBIAN/conffiles").read_text(), "/etc/vigie/vigie.toml\n")

    def test_it_depends_on_the_packages_of_what_it_is_linked_to(self):
        depends = {each.split()[0] for each in self.control["Depends"].split(",")}
        # The packages of the libraries that the program names itself.
        dynamic = output("readelf", "-d", self.root / "usr/bin/vigie")
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
        self.assertGreater(len(needed), 10)
        linked = output("ldd", self.root / "usr/bin/vigie")
        packages = set()
        for name, path in re.findall(r"^\s*(\S+) => (/\S+)", linked, re.MULTILINE):
            if name not in needed:
                continue
            for each in (path, "/usr" + path, os.path.realpath(path)):
                found = subprocess.run(["dpkg-query", "-S", each], capture_output=True, text=True,
                                       check=False)
                if found.returncode == 0:
                    packages.add(found.stdout.split(":")[0])
                    break
            else:
                self.fail(f"no package has {path}")
        # A package may be asked for by a name that it provides.
        for package in packages - depends:
            provided = output("dpkg-query", "-W", "-f", "${Provides}", package)
            names = {each.split()[0] for each in provided.split(",") if each.strip()}
            self.assertTrue(names & depends, f"{package} provides {names}")
        # Beside them: who makes the user, and what a symbols file asks for in their place.
        extra = depends - packages
        self.assertIn("adduser", extra)
        self.assertFalse([each for each in extra if each.endswith(("-dev", "-dbg"))], extra)
        print(f"Depends: {self.control['Depends']}")

    def test_owners_and_modes(self):
        for line in output("dpkg-deb", "--contents", self.deb).splitlines():
            mode, owner = line.split()[:2]
            self.assertEqual(owner, "root/root", line)
            self.assertRegex(mode, r"^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x)$", line)
        for script in ("postinst", "prerm", "postrm"):
            path = self.root / "DEBIAN" / script
            self.assertEqual(path.stat().st_mode & 0o777, 0o755)
            output("sh", "-n", path)

    def test_the_program_is_stripped_and_carries_no_path_of_the_build(self):
        program = self.root / "usr/bin/vigie"
        self.assertNotIn(".symtab", output("readelf", "-S", program))
        self.assertNotIn("RUNPATH", output("readelf", "-d", program))


if __name__ == "__main__":
    harness.main()
