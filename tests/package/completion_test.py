"""`vigie completion`: everything that --help lists is in the scripts, and a shell completes it."""

import functools
import shutil
import subprocess
import unittest

import commands_tree
import harness
from harness import run


@functools.lru_cache(maxsize=None)
def script(shell):
    done = run("completion", shell)
    assert done.returncode == 0, done.stderr
    path = harness.new_folder() / f"vigie.{shell}"
    path.write_text(done.stdout)
    return path


@functools.lru_cache(maxsize=None)
def tree():
    return commands_tree.commands()


def bash(program):
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True,
                          timeout=harness.WAIT_SECONDS, check=False, cwd=harness.new_folder())
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def complete(*lines):
    """What a bash process that has read the script offers at the end of each line."""
    calls = []
    for words in lines:
        # As readline does it: '=' is a word of its own.
        quoted = " ".join(f"'{word}'" for word in words)
        calls.append(f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=(); "
                     "_vigie; echo \"${COMPREPLY[*]}\"")
    text = bash(f"source '{script('bash')}'; " + "; ".join(calls))
    return [line.split() for line in text.splitlines()]


class Bash(unittest.TestCase):
    def test_every_command_and_option_of_help_is_completed(self):
        self.assertGreater(len(tree()), 40)
        lines, expected = [], []
        for path, options in tree().items():
            below = {each[len(path)] for each in tree()
                     if len(each) == len(path) + 1 and each[:len(path)] == path}
            lines.append(("vigie", *path, ""))
            expected.append(below)
            lines.append(("vigie", *path, "-"))
            expected.append(set(options))
        for line, offered, wanted in zip(lines, complete(*lines), expected):
            with self.subTest(" ".join(line)):
                self.assertEqual(set(offered), wanted)

    def test_what_is_begun_is_completed(self):
        cases = {
            ("vigie", "ser"): "serve",
            ("vigie", "key", "cr"): "create",
            ("vigie", "key", "--data_dir", "somewhere", "cr"): "create",
            ("vigie", "serve", "--tls.cl"): "--tls.client_ca",
            ("vigie", "list", "export", "--format", ""): "jsonl csv plain",
            ("vigie", "list", "export", "--format", "=", "cs"): "csv",
            ("vigie", "list", "export", "--format", "="): "jsonl csv plain",
            ("vigie", "serve", "--log.level", "de"): "debug",
            ("vigie", "serve", "--index.checkpoint", ""): "false true",
            ("vigie", "check", "--ca", "x"): "",     # left to the shell: a file
            ("vigie", "check", "--json", ""): "",
            ("vigie", "nothing", "--"): "--help --version",
        }
        for line, offered in zip(cases, complete(*cases)):
            with self.subTest(" ".join(line)):
                self.assertEqual(set(offered), set(cases[line].split()))

    def test_it_is_registered_and_leaves_files_to_the_shell(self):
        text = bash(f"source '{script('bash')}'; complete -p vigie")
        self.assertEqual(text.split(), "complete -o default -F _vigie vigie".split())


class OtherShells(unittest.TestCase):
    def test_every_command_and_option_is_in_the_scripts(self):
        for shell in ("zsh", "fish"):
            text = script(shell).read_text()
            for path, options in tree().items():
                with self.subTest(f"{shell} {path}"):
                    self.assertIn(" ".join(("vigie", *path)), text)
                    for option in options:
                        name = option.lstrip("-")
                        self.assertIn(option if shell == "zsh" else f" -{'l' if option.startswith('--') else 's'} {name}", text)

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_takes_the_script(self):
        done = subprocess.run(["zsh", "-f", "-c", "autoload -Uz compinit; compinit -D -u; "
                               f"source '{script('zsh')}'; echo ${{_comps[vigie]}}"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.stdout.strip(), done.stderr), ("_vigie", ""))

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish_completes(self):
        for line, wanted in (("vigie ser", "serve"), ("vigie key cr", "create"),
                             ("vigie serve --tls.cl", "--tls.client_ca"),
                             ("vigie list export --format cs", "csv")):
            done = subprocess.run(["fish", "--no-config", "-c",
                                   f"source {script('fish')}; complete -C '{line}'"],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.stderr, "")
            self.assertEqual([each.split("\t")[0] for each in done.stdout.splitlines()], [wanted])

    def test_another_shell_is_refused(self):
        self.assertEqual(run("completion", "other").returncode, 2)
        self.assertEqual(run("completion").returncode, 2)


if __name__ == "__main__":
    harness.main()
