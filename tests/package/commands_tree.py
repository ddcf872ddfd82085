"""The commands and options of the program, read from its --help."""

import re

from harness import run

COMMAND = re.compile(r"^  ([a-z][a-z-]*)(?:\s|$)")
OPTION = re.compile(r"(?:^|,)(--?[A-Za-z][A-Za-z0-9._-]*)")


def commands(path=()):
    """{("key", "create"): ["--org", ...]} of the program, by its own --help."""
    done = run(*path, "--help")
    assert done.returncode == 0, done.stderr
    section, below, options = "", [], []
    for line in done.stdout.splitlines():
        if line and not line.startswith(" "):
            section = line.strip()
        elif section == "Subcommands:" and COMMAND.match(line):
            below.append(COMMAND.match(line).group(1))
        elif section.startswith("Options") and line.startswith("  -"):
            options += OPTION.findall(line.split()[0])
    found = {path: options}
    for name in below:
        found.update(commands((*path, name)))
    return found
