"""The protobuf wire form, by hand, for messages that have no stubs here: google.rpc.Status,
grpc.health.v1 and grpc.reflection.v1alpha."""


def varint(value):
    """The bytes of a number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, content):
    """One length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def fields(data):
    """All fields of a message as {number: [value, ...]}; values are ints or bytes."""
    found = {}
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            value = number()
        elif tag & 7 == 2:
            size = number()
            value = data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def details(error):
    """What a failed call's google.rpc.Status holds: {"ErrorInfo": fields, ...}."""
    found = {}
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in fields(value).get(3, []):
            packed = fields(detail)
            found[packed[1][0].decode().rsplit(".", 1)[1]] = fields(packed[2][0])
    return found


def error_reason(error):
    """The reason in a failed call's google.rpc.ErrorInfo; None without one."""
    info = details(error).get("ErrorInfo")
    if info is None:
        return None
    assert info[2][0] == b"vigie", info
    return info[1][0].decode()


def retry_seconds(error):
    """The delay in a failed call's google.rpc.RetryInfo; None without one."""
    retry = details(error).get("RetryInfo")
    if retry is None:
        return None
    delay = fields(retry[1][0])
    return delay.get(1, [0])[0] + delay.get(2, [0])[0] / 1e9
