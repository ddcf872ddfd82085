"""The systemd unit: systemd finds nothing wrong with it, it is as closed as it says, and what the
server and its decoders need is left open."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import harness

UNIT = pathlib.Path(os.environ["VIGIE_SOURCE_DIR"]) / "scripts/package/vigie.service"
# In tenths; systemd calls up to 2.0 "OK" and up to 5.0 "medium".
WORST_EXPOSURE = 15
# What decoders and the database are made of, beside what every program needs.
NEEDED = """seccomp prctl memfd_create pidfd_open pidfd_send_signal socketpair sendmsg recvmsg
    setrlimit prlimit64 setpriority clone3 execve wait4 kill mmap ftruncate fcntl fsync fdatasync
    pwrite64 flock rename unlink fchmod""".split()


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


def calls(name):
    """The system calls of a set of systemd's."""
    found = set()
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= calls(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def settings():
    found = {}
    for line in UNIT.read_text().splitlines():
        match = re.fullmatch(r"([A-Za-z]+)=(.*)", line)
        if match:
            found.setdefault(match.group(1), []).append(match.group(2))
    return found


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")
class Systemd(unittest.TestCase):
    def test_verify_finds_nothing(self):
        # The program is where it was built, not where the package puts it.
        copy = harness.new_folder() / "vigie.service"
        copy.write_text(UNIT.read_text().replace("/usr/bin/vigie", harness.PROGRAM))
        done = analyze("verify", "--man=no", copy)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_it_is_closed(self):
        done = analyze("security", "--offline=true", "--no-pager", f"--threshold={WORST_EXPOSURE}",
                       UNIT)
        print(done.stdout.strip().splitlines()[-1])
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_system_calls_that_are_needed_are_left(self):
        allowed = set()
        for value in settings()["SystemCallFilter"]:
            for name in value.lstrip("~").split():
                if value.startswith("~"):
                    allowed -= calls(name) if name.startswith("@") else {name}
                else:
                    allowed |= calls(name) if name.startswith("@") else {name}
        self.assertGreater(len(allowed), 200)
        self.assertEqual(set(NEEDED) - allowed, set())


class Unit(unittest.TestCase):
    def test_it_waits_longer_for_a_stop_than_the_server_takes(self):
        values = dict(line.split(" = ", 1) for line in
                      harness.run("serve", "--check-config").stdout.splitlines())
        drain_s = (int(values["server.drain_ms"]) + int(values["server.drain_notice_ms"])) / 1000
        self.assertGreater(int(settings()["TimeoutStopSec"][0]), 2 * drain_s)

    def test_what_it_names_is_what_the_package_installs(self):
        found = settings()
        self.assertEqual(found["ExecStart"],
                         ["/usr/bin/vigie serve --config /etc/vigie/vigie.toml"])
        example = UNIT.with_name("vigie.toml")
        done = harness.run("serve", "--check-config", "--config", example)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"data_dir = /var/lib/{found['StateDirectory'][0]}\n", done.stdout)
        self.assertEqual(found["Type"], ["notify"])


if __name__ == "__main__":
    harness.main()
