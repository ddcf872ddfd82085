"""The Python client that the README prints works as printed."""

import os
import pathlib
import re
import subprocess
import sys

import harness
from harness import picture
from vigie.v1 import lists_pb2

BLOCK = re.compile(r"<!-- client:begin -->\s*```python\n(.*?)```\s*<!-- client:end -->", re.DOTALL)


class Readme(harness.ServerTest):
    """Takes the program from the README and runs it."""

    def test_the_client_in_the_readme_prints_the_verdict(self):
        readme = pathlib.Path(os.environ["VIGIE_SOURCE_DIR"]) / "README.md"
        found = BLOCK.search(readme.read_text())
        self.assertIsNotNone(found, "the README has no client between its markers")
        program = harness.new_folder() / "client.py"
        program.write_text(found.group(1))
        self.assertLessEqual(len(found.group(1).strip().splitlines()), 15)
        self.flagger.create_list("known")
        [result] = self.flagger.upload("lists/known", [
            lists_pb2.Entry(fingerprints=self.flagger.hash_image(picture("scene-1.png")))])
        env = harness.clean_environment({"VIGIE_SERVER": self.server.address,
                                         "VIGIE_KEY": self.server.keys["platform"]})
        for name, expected in (("scene-1-small.jpg", result.entry), ("scene-2.png", "NO_MATCH")):
            done = subprocess.run([sys.executable, program, harness.pictures() / name], env=env,
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(expected, done.stdout)


if __name__ == "__main__":
    harness.main()
