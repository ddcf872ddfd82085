"""Rules about the sources that a compiler does not check: which folder may include which, how long a
file may be, and that every error reason is documented."""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop())

# Who may include whom, beside itself. Everything else is forbidden.
ALLOWED = {
    "engine/base": set(),
    "engine/image": {"engine/base"},
    "engine/hash": {"engine/base"},
    "engine/index": {"engine/base"},
    "engine/local": {"engine/base", "engine/index"},
    "engine/store": {"engine/base"},
    "engine/policy": {"engine/base"},
    "engine/variants": {"engine/base"},
    "engine/catalog": {"engine/base", "engine/index", "engine/local", "engine/store"},
    "engine/match": {"engine/base", "engine/catalog", "engine/image", "engine/hash", "engine/local",
                     "engine/policy", "engine/variants"},
}
LIBRARIES = {
    "opencv2/": {"engine/local"},
    "jpeglib.h": {"engine/image"},
    "gif_lib.h": {"engine/image"},
    "png.h": {"engine/image"},
    "tiffio.h": {"engine/image"},
    "webp/": {"engine/image"},
    "avif/": {"engine/image"},
    "libheif/": {"engine/image"},
    "faiss/": {"engine/index"},
    "omp.h": {"engine/index"},
    "sqlite3.h": {"engine/store"},
    "openssl/": {"engine/base"},
    "sodium.h": {"engine/base"},
    "xxhash.h": {"engine/base"},
}
MAX_LINES = 500


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def folder_of(path):
    return "/".join(path.relative_to(ROOT).parts[:2])


class SourceRules(unittest.TestCase):
    def test_engine_folders_include_only_what_lies_below_them(self):
        seen = 0
        for path in sources("engine"):
            folder = folder_of(path)
            for name in includes(path):
                if not name.startswith(("engine/", "server/", "proto/", "vigie/", "bench/")):
                    continue
                seen += 1
                target = "/".join(name.split("/")[:2])
                self.assertIn(target, ALLOWED[folder] | {folder}, f"{path} includes {name}")
        self.assertGreater(seen, 100)

    def test_engine_knows_neither_grpc_nor_protobuf(self):
        for path in sources("engine"):
            for name in includes(path):
                self.assertFalse(name.startswith(("grpc", "google/", "vigie/")), f"{path}: {name}")

    def test_libraries_stay_in_the_folder_that_covers_them(self):
        for path in sources("engine"):
            for name in includes(path):
                for prefix, folders in LIBRARIES.items():
                    if name.startswith(prefix):
                        self.assertIn(folder_of(path), folders, f"{path} includes {name}")

    def test_auth_and_load_are_plain_logic(self):
        for path in sources("server/auth", "server/load"):
            for name in includes(path):
                self.assertFalse(name.startswith(("grpc", "google/", "vigie/", "server/rpc")),
                                 f"{path}: {name}")

    def test_decode_knows_only_the_engine(self):
        for path in sources("server/decode"):
            for name in includes(path):
                self.assertFalse(name.startswith(("grpc", "google/", "vigie/", "spdlog")),
                                 f"{path}: {name}")
                if name.startswith(("engine/", "server/")):
                    self.assertIn("/".join(name.split("/")[:2]),
                                  {"engine/base", "engine/match", "server/decode"}, path)
    def test_metrics_know_no_grpc(self):
        for path in sources("server/metrics"):
            for name in includes(path):
                allowed = ("engine/", "server/metrics/", "server/rpc/call_observer.h", "server/load/",
                           "server/auth/")
                self.assertFalse(name.startswith(("grpc", "google/", "vigie/")), f"{path}: {name}")
                self.assertTrue(name.startswith(allowed) or not name.startswith("server/"),
                                f"{path}: {name}")
        # And Prometheus's library is known nowhere else.
        for path in sources("engine", "server", "bench"):
            if any(name.startswith("prometheus/") for name in includes(path)):
                self.assertEqual(folder_of(path), "server/metrics", path)

    def test_engine_neither_prints_nor_exits_nor_starts_threads(self):
        forbidden = re.compile(r"std::cout|std::cerr|\bprintf\(|\bexit\(|\babort\(|std::thread\s+\w|"
                               r"std::async|pthread_create")
        for path in sources("engine"):
            self.assertIsNone(forbidden.search(path.read_text()), path)

    def test_a_folders_readme_says_which_folder(self):
        readmes = [path for top in ("engine", "server", "bench", "tests") if (ROOT / top).is_dir()
                   for path in (ROOT / top).rglob("README.md")]
        self.assertGreater(len(readmes), 5)
        for path in readmes:
            self.assertEqual(path.read_text().splitlines()[0], f"# {path.parent.relative_to(ROOT)}", path)

    def test_files_are_short(self):
        for path in sources("engine", "server", "bench", "tests"):
            lines = len(path.read_text().splitlines())
            self.assertLessEqual(lines, MAX_LINES, f"{path} has {lines} lines")

    def test_every_reason_that_a_caller_can_get_is_documented(self):
        documented = (ROOT / "docs/api.md").read_text()
        # Reasons of programs on the server's own machine, and of misuse of the engine's own calls.
        internal = {"CONSTRAINT", "ROW_OUT_OF_ORDER", "KEY_EXISTS", "KEY_NOT_FOUND",
                    "KEY_ENDED", "CERTIFICATE_INVALID",
                    "NO_ENTROPY", "SCHEMA_TOO_NEW", "SCHEMA_TOO_OLD", "FILE_FAILED", "FILE_UNUSABLE",
                    "CHECKPOINT_UNUSABLE", "CHAIN_BROKEN", "SIMD_TARGET_UNKNOWN",
                    "POLICY_INVALID", "INDEX_DISAGREES", "CANARY_FAILED"}
        seen = 0
        for path in sources("engine", "server/auth", "server/decode", "server/load", "server/rpc"):
            text = path.read_text()
            for reason in re.findall(r'"([A-Z]{2,}(?:_[A-Z]+)+)"', text):
                seen += 1
                if reason not in internal and not reason.startswith("VIGIE_"):  # environment
                    self.assertTrue(f"`{reason}`" in documented, f"{path}: {reason}")
        self.assertGreater(seen, 30)


if __name__ == "__main__":
    unittest.main()
