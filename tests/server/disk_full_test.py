"""A server whose disk takes no more (a limit of the size of its files, set from outside): changes are
refused with a clear reason, checks go on, and it works again when there is room."""

import random
import resource

import grpc

import harness
import wire
from vigie.v1 import lists_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

UPLOADS = 60


class DiskFull(harness.TestCase):
    def setUp(self):
        self.source = random.Random(6)
        self.server = harness.Server(principals={"flagger": ("helpline", "trusted_flagger"),
                                                 "platform": ("forum", "platform")})
        self.addCleanup(self.server.stop)
        self.flagger = self.server.client("flagger")
        self.platform = self.server.client("platform")
        self.flagger.create_list("known")

    def print_of(self):
        return types_pb2.Fingerprint(algorithm=types_pb2.PDQ, hex=self.source.randbytes(32).hex(),
                                     quality=90)

    def upload(self, prints):
        return self.flagger.upload("lists/known", [
            lists_pb2.Entry(fingerprints=[fingerprint]) for fingerprint in prints])

    def limit(self, size):
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE,
                         (size, resource.RLIM_INFINITY))

    def outcome(self, fingerprint):
        return self.platform.check_hash(fingerprint).outcome

    def test_changes_are_refused_checks_go_on_and_it_recovers(self):
        known = [self.print_of() for _ in range(1000)]
        self.upload(known)
        log = self.server.data_dir / "vigie.db-wal"
        self.assertGreater(log.stat().st_size, 200_000)
        self.limit(log.stat().st_size)
        refused = []
        for _ in range(UPLOADS):
            new = [self.print_of() for _ in range(20)]
            try:
                self.upload(new)
            except grpc.RpcError as error:
                self.assertEqual((error.code(), wire.error_reason(error)),
                                 (grpc.StatusCode.RESOURCE_EXHAUSTED, "DISK_FULL"),
                                 error.details())
                refused.append(new)
            self.assertEqual(self.outcome(random.choice(known)), Verdict.MATCH)
        self.assertGreater(len(refused), UPLOADS // 2)
        for new in refused:
            self.assertEqual(self.outcome(new[0]), Verdict.NO_MATCH)
        self.limit(resource.RLIM_INFINITY)
        for new in refused:
            self.assertTrue(all(result.created for result in self.upload(new)))
            self.assertEqual(self.outcome(new[0]), Verdict.MATCH)
        print(f"{len(refused)} uploads refused, {UPLOADS} checks answered meanwhile")
        harness.poll(lambda: "written down again" in self.server.log(), "verdicts are written")
        # Once, not once a try.
        text = self.server.log()
        self.assertLessEqual(text.count("not written down"), 2, text)
        self.assertLessEqual(text.count("is tried again"), 2, text)
        self.assertEqual(self.server.stop(), 0)
        verified = harness.run("audit", "verify", "--data_dir", self.server.data_dir)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        again = harness.Server(data_dir=self.server.data_dir)
        self.addCleanup(again.stop)
        again.keys = self.server.keys
        entries = again.client("flagger").entries("lists/known")
        self.assertGreaterEqual(len(entries), 1000 + 20 * len(refused))


if __name__ == "__main__":
    harness.main()
