"""What a message may cost before anybody has asked for a key, and with one: parsing makes up to a
hundred bytes of each two, so who is refused is not parsed, and what holds too much is not either."""

import pathlib
import random

import grpc

import harness
import wire
from match_test import random_pdq
from vigie.v1 import audit_pb2, lists_pb2, match_pb2, review_pb2, types_pb2
from vigie.v1.types_pb2 import Verdict

INVALID = grpc.StatusCode.INVALID_ARGUMENT
LARGEST = 32 << 20  # of what the server takes by default, a little less
# What one such message may make the server hold: itself, once more parsed or as what it is read
# from, and what the limit of fields becomes.
MOST_KIB = 200 << 10
ROLES = ("platform", "victim_service", "trusted_flagger", "authority", "reviewer", "auditor",
         "operator")
METHODS = {f"/{service.full_name}/{method.name}": method
           for file in (match_pb2, lists_pb2, review_pb2, audit_pb2)
           for service in file.DESCRIPTOR.services_by_name.values()
           for method in service.methods}
STREAMS = ("UploadEntries", "StreamCheck")  # of requests

EMPTY_ITEM = wire.field(1, b"")
UNKNOWN = wire.field(15, b"")


def filled(item, size=LARGEST):
    return item * (size // len(item))


def nested(*numbers, item=EMPTY_ITEM):
    """Empty items inside of fields of these numbers, outermost first."""
    content = filled(item)
    for number in reversed(numbers):
        content = wire.field(number, content)
    return content


def call(client, path, message, compression=None):
    """Sends the bytes as the method's request; returns when it has ended well."""
    name = path.rsplit("/", 1)[1]
    options = {"request_serializer": bytes, "response_deserializer": bytes}
    sent = {"metadata": [("authorization", f"Bearer {client.key}")] if client.key else [],
            "timeout": harness.WAIT_SECONDS, "compression": compression}
    if name in STREAMS:
        list(client.channel.stream_stream(path, **options)(iter([message]), **sent))
    elif name == "Watch":
        list(client.channel.unary_stream(path, **options)(message, **sent))
    else:
        client.channel.unary_unary(path, **options)(message, **sent)


class Messages(harness.TestCase):
    principals = {role: ("forum" if role == "platform" else role.replace("_", "-"), role)
                  for role in ROLES}

    def start(self, *flags):
        """A sanitizer gives freed memory back at once, so that what the server holds is bounded."""
        server = harness.Server(*flags, principals=self.principals,
                                env={"ASAN_OPTIONS": "quarantine_size_mb=0"})
        self.addCleanup(server.stop)
        return server

    def most_kib(self, server):
        """What the server has held at most, as of now."""
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text("ascii")
        return int(status.split("VmHWM:")[1].split()[0])

    def assert_bounded(self, server, before, what):
        grew = self.most_kib(server) - before
        print(f"  {what}: {grew >> 10} MiB", flush=True)
        self.assertLess(grew, MOST_KIB, what)

    def test_a_strangers_message_is_not_parsed(self):
        server = self.start()
        stranger = server.client(None)
        before = self.most_kib(server)
        for path, message in (
                ("/vigie.v1.MatchService/CheckHashes", filled(EMPTY_ITEM)),
                ("/vigie.v1.MatchService/CheckImage", filled(UNKNOWN)),
                ("/vigie.v1.MatchService/Watch", filled(UNKNOWN)),
                ("/vigie.v1.ListService/CreateList", nested(2, item=wire.field(8, b""))),
                ("/vigie.v1.ReviewService/ListReviews", filled(UNKNOWN)),
                ("/vigie.v1.AuditService/GetHead", filled(UNKNOWN)),
                ("/vigie.v1.MatchService/StreamCheck", nested(3)),
                ("/vigie.v1.ListService/UploadEntries", filled(wire.field(2, b"")))):
            with self.subTest(path):
                with self.fails(grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING"):
                    call(stranger, path, message)
                self.assert_bounded(server, before, path)

    def test_a_message_that_holds_too_much_is_not_parsed(self):
        server = self.start()
        before = self.most_kib(server)
        for who, path, message in (
                ("platform", "/vigie.v1.MatchService/CheckHashes", filled(EMPTY_ITEM)),
                ("platform", "/vigie.v1.MatchService/CheckHashes", nested(1)),
                ("platform", "/vigie.v1.MatchService/CheckHashes", nested(2)),
                ("platform", "/vigie.v1.MatchService/CheckImage", filled(UNKNOWN)),
                ("platform", "/vigie.v1.MatchService/Watch", filled(UNKNOWN)),
                ("platform", "/vigie.v1.MatchService/StreamCheck", nested(3)),
                ("platform", "/vigie.v1.MatchService/StreamCheck", nested(5)),
                ("operator", "/vigie.v1.ListService/CreateList",
                 nested(2, item=wire.field(8, b""))),
                ("trusted_flagger", "/vigie.v1.ListService/UploadEntries",
                 filled(wire.field(2, b""))),
                ("trusted_flagger", "/vigie.v1.ListService/UploadEntries", nested(2, 3))):
            with self.subTest(path):
                with self.fails(INVALID, "OUT_OF_RANGE"):
                    call(server.client(who), path, message)
                self.assert_bounded(server, before, path)

    def test_a_message_at_the_limit_of_fields_is_bounded(self):
        server = self.start()
        before = self.most_kib(server)
        most = (1 << 19) - 10
        for item, reason in ((EMPTY_ITEM, "ENUM_INVALID"), (UNKNOWN, "HASH_MALFORMED")):
            with self.fails(INVALID, reason):
                call(server.client("platform"), "/vigie.v1.MatchService/CheckHashes",
                     wire.field(1, item * most))
        self.assert_bounded(server, before, "as many fields as may be")

    def test_a_compressed_message_is_not_unpacked(self):
        server = self.start()
        before = self.most_kib(server)
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            with self.assertRaises(grpc.RpcError) as caught:
                call(server.client("platform"), "/vigie.v1.MatchService/CheckHashes",
                     bytes(8 * LARGEST), compression)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assert_bounded(server, before, "compressed")

    def test_the_largest_question_is_answered(self):
        server = self.start()
        source = random.Random(11)
        fingerprints = [random_pdq(source) for _ in range(64)]
        for fingerprint in fingerprints:  # every field that there is
            fingerprint.profile = types_pb2.FAST
            fingerprint.decode_mode = types_pb2.EXACT
            fingerprint.orientation = 1
        answer = server.client("platform").match.CheckHashes(match_pb2.CheckHashesRequest(
            pictures=[match_pb2.HashedPicture(fingerprints=fingerprints)] * 1000))
        self.assertEqual([verdict.outcome for verdict in answer.verdicts],
                         [Verdict.NO_MATCH] * 1000)

    def test_every_method_asks_for_a_key_before_it_looks_at_the_message(self):
        server = self.start()
        stranger = server.client(None)
        clients = [server.client(role) for role in ROLES]
        self.assertGreater(len(METHODS), 25)
        for path in METHODS:
            # Cut off; a name that is no UTF-8; a group, of which the contract has none.
            for bad in (b"\xff\xff\xff", b"\x0a\x7f\x01", b"\x7b\x7c"):
                with self.subTest(f"{path} {bad}"):
                    with self.fails(grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING"):
                        call(stranger, path, bad)
                    seen = set()
                    for client in clients:
                        with self.assertRaises(grpc.RpcError) as caught:
                            call(client, path, bad)
                        seen.add((caught.exception.code(), wire.error_reason(caught.exception)))
                    self.assertLessEqual({(INVALID, "REQUEST_MALFORMED")}, seen)
                    self.assertLessEqual(seen, {
                        (INVALID, "REQUEST_MALFORMED"),
                        (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")})

    def test_text_that_is_none_is_malformed(self):
        server = self.start()
        with self.fails(INVALID, "REQUEST_MALFORMED"):
            call(server.client("operator"), "/vigie.v1.ListService/GetList",
                 wire.field(1, b"lists/\xff"))

    def test_fields_of_later_versions_are_passed_over(self):
        server = self.start()
        fingerprint = random_pdq(random.Random(5)).SerializeToString()
        later = wire.field(100, b"later") + wire.varint(60 << 3) + wire.varint(7)
        message = wire.field(1, wire.field(1, fingerprint + later) + later) + later
        call(server.client("platform"), "/vigie.v1.MatchService/CheckHashes", message)


if __name__ == "__main__":
    harness.main()
