"""The policy file: in force at start, read again on SIGHUP, checked by `vigie policy`."""

import json
import os
import random
import signal
import threading

import harness
from harness import run
from vigie.v1 import lists_pb2, match_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

HOLD = 'name = "hold"\n[[rule]]\norganisations = ["forum"]\neffect = "hold_for_review"\n'
REPORT = ('name = "report"\n[[rule]]\ncourt_basis = false\neffect = "report_only"\n'
          '[[rule]]\nstates = ["provisional"]\nfrom_distance = 5\neffect = "ignore"\n')
UNDOES_A_COURT = 'name = "bad"\n[[rule]]\neffect = "ignore"\n'


def random_pdq(source):
    return types_pb2.Fingerprint(algorithm=types_pb2.PDQ, hex=source.randbytes(32).hex(),
                                 quality=100)


class InForce(harness.TestCase):
    """One server with a policy file."""

    def setUp(self):
        self.file = harness.new_folder() / "policy.toml"
        self.file.write_text(HOLD)
        self.server = harness.Server("--policy.file", self.file, principals={
            "flagger": ("helpline", "trusted_flagger"), "platform": ("forum", "platform"),
            "other": ("network", "platform")})
        self.addCleanup(self.server.stop)
        self.known = random_pdq(random.Random(3))
        flagger = self.server.client("flagger")
        flagger.create_list("known")
        flagger.upload("lists/known", [lists_pb2.Entry(fingerprints=[self.known])])
        self.platform = self.server.client("platform")

    def reload(self, text, expected):
        """Replaces the file as an editor does, and waits for the log to say `expected`."""
        said = self.server.log().count(expected)
        new = self.file.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.file)
        self.server.signal(signal.SIGHUP)
        harness.poll(lambda: self.server.log().count(expected) > said, expected)

    def test_a_policy_weakens_and_says_so(self):
        verdict = self.platform.check_hash(self.known)
        self.assertEqual((verdict.policy, verdict.action, verdict.basis),
                         ("hold", types_pb2.HOLD_FOR_REVIEW, Verdict.POLICY))
        self.assertEqual(verdict.matches[0].basis, Verdict.POLICY)
        verdict = self.server.client("other").check_hash(self.known)
        self.assertEqual((verdict.policy, verdict.action, verdict.basis),
                         ("hold", types_pb2.PROVISIONAL_BLOCK, Verdict.PROVISIONAL_ENTRY))

    def test_a_policy_is_tried_on_the_verdicts_that_were_given(self):
        other = self.server.client("other")
        for _ in range(3):
            self.platform.check_hash(self.known)
            other.check_hash(self.known)
        self.server.stop()
        again = self.file.with_name("other.toml")
        again.write_text(REPORT)
        done = run("policy", "try", again, "--data_dir", self.server.data_dir, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual((report["verdicts"], report["changed"]), (6, 6))
        self.assertEqual(
            sorted((row["given"], row["new"], row["count"]) for row in report["answers"]),
            [("hold_for_review", "report_only", 3), ("provisional_block", "report_only", 3)])
        self.assertEqual([rule["matches"] for rule in report["rules"]], [6, 0])
        done = run("policy", "try", self.file, "--data_dir", self.server.data_dir, "--last", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0 of 2 verdicts", done.stdout)

    def test_sighup_reads_it_again_and_keeps_the_old_one_when_it_is_not_valid(self):
        self.reload(REPORT, "policy report with 2 rules is in force")
        verdict = self.platform.check_hash(self.known)
        self.assertEqual((verdict.policy, verdict.action), ("report", types_pb2.REPORT_ONLY))
        self.assertEqual(verdict.matches[0].threshold, 4)
        far = types_pb2.Fingerprint(algorithm=types_pb2.PDQ, quality=100,
                                    hex=f"{int(self.known.hex, 16) ^ 0x1F:064x}")
        self.assertEqual(self.platform.check_hash(far).outcome, Verdict.NO_MATCH)
        for text, part in ((UNDOES_A_COURT, "line 2: "), ("name = 'a", "line 1: "), ("", "name")):
            self.reload(text, "all that is in force stays")
            last = [line for line in self.server.log().splitlines() if "in force stays" in line][-1]
            self.assertIn(part, last)
            self.assertIn(" error ", last)
            self.assertEqual(self.platform.check_hash(self.known).policy, "report")
        self.reload(HOLD, "policy hold with 1 rules is in force")
        self.assertEqual(self.platform.check_hash(self.known).policy, "hold")

    def test_while_checks_run_every_verdict_is_of_one_policy(self):
        """Also all verdicts of one request."""
        actions = {"hold": types_pb2.HOLD_FOR_REVIEW, "report": types_pb2.REPORT_ONLY}
        seen = {"hold": 0, "report": 0}
        wrong = []
        stop = threading.Event()
        request = match_pb2.CheckHashesRequest(
            pictures=[match_pb2.HashedPicture(fingerprints=[self.known])] * 20)
        client = self.server.client("platform")

        def check():
            while not stop.is_set():
                verdicts = client.match.CheckHashes(request).verdicts
                names = {verdict.policy for verdict in verdicts}
                if len(names) != 1 or any(v.action != actions.get(v.policy) for v in verdicts):
                    wrong.append(names)
                seen[names.pop()] += 1

        threads = [threading.Thread(target=check) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                self.reload(REPORT, "policy report with 2 rules is in force")
                self.reload(HOLD, "policy hold with 1 rules is in force")
            harness.poll(lambda: all(seen.values()), f"both policies to be seen: {seen}")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])


class Start(harness.TestCase):
    def test_a_server_does_not_start_with_a_policy_that_is_not_valid(self):
        folder = harness.new_folder()
        bad = folder / "bad.toml"
        bad.write_text(UNDOES_A_COURT)
        for file in (bad, folder / "none", folder):
            for flags in ([], ["--check-config"]):
                with self.subTest(f"{file} {flags}"):
                    done = run("serve", "--data_dir", folder / "data", "--listen", "127.0.0.1:0",
                               "--policy.file", file, *flags)
                    self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                    self.assertIn("(CONFIG_INVALID)", done.stderr)

    def test_sighup_without_a_policy_file_changes_nothing(self):
        server = harness.Server(principals={"platform": ("forum", "platform")})
        self.addCleanup(server.stop)
        server.signal(signal.SIGHUP)
        harness.poll(lambda: "was read again" in server.log(), "the reload")
        self.assertEqual(server.client("platform").check(b"").policy, "")


class Command(harness.TestCase):
    """vigie policy."""

    def setUp(self):
        self.file = harness.new_folder() / "policy.toml"

    def test_check_prints_the_rules_in_words(self):
        self.file.write_text(REPORT)
        done = run("policy", "check", self.file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [
            "policy report, valid",
            "  1. matches of block lists, not decided by a court: at most report_only",
            "  2. matches of block lists, that are provisional, from 5 bits on: not a match"])
        done = run("policy", "check", self.file, "--json")
        report = json.loads(done.stdout)
        self.assertEqual((report["name"], len(report["rules"])), ("report", 2))

    def test_what_is_not_valid_is_a_wrong_configuration(self):
        for text in (UNDOES_A_COURT, "name = 1", "", "name = 'a'\n[[rule]]\n"):
            self.file.write_text(text)
            for command in ("check", "try"):
                done = run("policy", command, self.file)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn("(CONFIG_INVALID)", done.stderr)
                self.assertIn(str(self.file), done.stderr)
        self.assertEqual(run("policy", "check", self.file.with_name("none")).returncode, 2)
        self.assertEqual(run("policy", "check").returncode, 2)

    def test_try_needs_a_database(self):
        self.file.write_text(HOLD)
        done = run("policy", "try", self.file, "--data_dir", self.file.parent / "none")
        self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
        for last in ("0", "-1", "all"):
            done = run("policy", "try", self.file, "--last", last)
            self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    harness.main()
