"""`vigie manual`: everything that --help lists is in it, and roff has nothing to complain of."""

import re
import shutil
import subprocess
import unittest

import commands_tree
import harness
from harness import run


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = run("manual")
        assert done.returncode == 0, done.stderr
        cls.page = done.stdout
        cls.plain = re.sub(r"\\f[A-Z]", "", cls.page).replace("\\-", "-")

    def test_every_command_and_option_of_help_is_in_it(self):
        tree = commands_tree.commands()
        self.assertGreater(len(tree), 40)
        for path, options in tree.items():
            if path:
                self.assertRegex(self.plain, rf'\n\.SS "{" ".join(("vigie", *path))}[" ]')
            for option in options:
                with self.subTest(f"{path} {option}"):
                    self.assertRegex(self.plain, rf"[ ,\n]{re.escape(option)}[ ,\n]")

    def test_every_setting_is_in_it_with_its_default(self):
        values = dict(line.split(" = ", 1)
                      for line in run("serve", "--check-config").stdout.splitlines())
        self.assertGreater(len(values), 20)
        for key, value in values.items():
            with self.subTest(key):
                [entry] = re.findall(rf"\.TP\n\.B {re.escape(key)}\n((?:[^.].*\n)*)", self.plain)
                self.assertIn("VIGIE_" + key.upper().replace(".", "_"), entry)
                if value:
                    self.assertIn(f"Default: {value}.\n", entry)

    def test_it_has_the_sections_that_one_looks_for(self):
        sections = re.findall(r"^\.SH (.*)$", self.page, re.MULTILINE)
        for name in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "SETTINGS",
                     "EXIT STATUS", "ENVIRONMENT", "SIGNALS", "FILES", "EXAMPLES"):
            self.assertIn(name, sections)

    @unittest.skipUnless(shutil.which("groff"), "no groff here")
    def test_groff_has_no_warning(self):
        done = subprocess.run(["groff", "-man", "-t", "-ww", "-Tutf8", "-rLL=80n", "-z"],
                              input=self.page, capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


if __name__ == "__main__":
    harness.main()
