"""A database with a flipped byte: the server refuses to start and says why."""

import random
import re
import subprocess

import harness
from vigie.v1 import lists_pb2, types_pb2


class Damage(harness.TestCase):
    def test_a_flipped_byte_is_a_reason_not_to_start(self):
        server = harness.Server(principals={"flagger": ("helpline", "trusted_flagger")})
        flagger = server.client("flagger")
        flagger.create_list("known")
        source = random.Random(5)
        values = [source.randbytes(32) for _ in range(200)]
        results = flagger.upload("lists/known", [
            lists_pb2.Entry(external_reference=str(i), fingerprints=[types_pb2.Fingerprint(
                algorithm=types_pb2.PDQ, hex=value.hex(), quality=90)])
            for i, value in enumerate(values)])
        self.assertTrue(all(result.created for result in results))
        self.assertEqual(server.stop(), 0)
        database = server.data_dir / "vigie.db"
        sound = database.read_bytes()
        refused = 0
        for value in values[::40]:
            place = sound.index(value) + 7
            database.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1:])
            started = subprocess.run(
                [harness.PROGRAM, "serve", "--data_dir", server.data_dir, "--listen",
                 "127.0.0.1:0"], env=harness.clean_environment(), capture_output=True, text=True,
                timeout=harness.WAIT_SECONDS, check=False)
            self.assertEqual(started.returncode, 3, started.stderr)
            self.assertNotIn("ready", started.stdout)
            self.assertIn("(DATABASE_DAMAGED)", started.stderr)
            self.assertRegex(started.stderr, r"row \d+ of table fingerprints")
            self.assertIn("restore a backup", started.stderr)
            self.assertIsNone(re.search(value.hex(), started.stderr))
            doctor = harness.run("doctor", "--data_dir", server.data_dir)
            self.assertEqual(doctor.returncode, 1)
            self.assertIn("of table fingerprints", doctor.stdout)
            refused += 1
        print(f"refused {refused} times")
        database.write_bytes(sound)
        again = harness.Server(data_dir=server.data_dir)
        self.assertEqual(again.stop(), 0)


if __name__ == "__main__":
    harness.main()
