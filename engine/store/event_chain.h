// The chain of events: each event's digest covers the digest of the one before.
#pragma once

#include <string>

#include "engine/store/records.h"

namespace vigie {

// The digest of `event` after an event with the digest `previous` (zeroes before the first):
// SHA-256 over "vigie-event-1", `previous`, and every field but the digest in their order in
// EventRecord; numbers as 8 bytes, lowest first, what is absent as 0; texts as their length in
// bytes, a number, and their bytes. event.digest is not read.
EventDigest DigestOf(const EventRecord& event, const EventDigest& previous);

}  // namespace vigie
