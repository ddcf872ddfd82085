"""What can be said of the Dockerfile without building an image: no engine runs in the tests."""

import os
import pathlib
import re
import unittest

import harness

ROOT = pathlib.Path(os.environ["VIGIE_SOURCE_DIR"])
FILE = ROOT / "scripts/package/Dockerfile"


def instructions():
    """[(word, rest)], with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text())
    return [tuple(line.split(None, 1)) for line in text.splitlines()
            if line and not line.startswith("#")]


def of(word):
    return [rest for name, rest in instructions() if name == word]


class Dockerfile(unittest.TestCase):
    def test_instructions_are_known(self):
        known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
                 "HEALTHCHECK", "ENTRYPOINT", "CMD"}
        self.assertLessEqual({name for name, _ in instructions()}, known)

    def test_it_builds_on_debian_alone_in_two_stages(self):
        self.assertEqual(of("FROM"), ["debian:12-slim AS build", "debian:12-slim"])

    def test_what_it_copies_is_there_and_not_ignored(self):
        lines = FILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
        self.assertIn("*", lines)  # all but what follows
        sent = {line[1:] for line in lines if line.startswith("!")}
        copied = set()
        for rest in of("COPY"):
            if rest.startswith("--from=build "):
                continue
            for source in rest.split()[:-1]:
                self.assertTrue((ROOT / source).exists(), source)
                copied.add(source)
        self.assertEqual(copied, sent)
        # All that the configure step of this build reads.
        text = (ROOT / "CMakeLists.txt").read_text()
        folders = set(re.findall(r"add_subdirectory\((\w+)", text)) - {"bench", "tests"}
        self.assertLessEqual(folders, copied)

    def test_the_image_has_the_package_and_nothing_that_builds(self):
        """So the libraries in it are those of the package's Depends (deb_test.py)."""
        last = FILE.read_text().split("FROM ")[-1]
        installed = re.findall(r"apt-get install (.*)", last)
        self.assertEqual(len(installed), 1)
        self.assertEqual([word for word in installed[0].split()
                          if not word.startswith("-") and word not in ("\\", "&&")],
                         ["/tmp/vigie.deb"])
        [copied] = re.findall(r"COPY --from=build (\S+) /tmp/vigie.deb", last)
        self.assertEqual(copied, "/source/build/release/package/vigie.deb")

    def test_it_runs_as_nobody_special_with_data_in_a_volume_and_a_probe(self):
        self.assertRegex(of("USER")[0], r"^[1-9][0-9]*:[1-9][0-9]*$")
        self.assertEqual(of("VOLUME"), ["/var/lib/vigie"])
        [check] = of("HEALTHCHECK")
        self.assertIn('"/usr/bin/vigie", "health"', check)
        self.assertEqual(harness.run("health", "--help").returncode, 0)

    def test_there_is_no_secret_in_it(self):
        for word in ("ARG", "ENV", "ADD"):
            self.assertEqual(of(word), [])
        self.assertNotRegex(FILE.read_text().lower(), r"password|token|secret|vgk_")


if __name__ == "__main__":
    harness.main()
