// The chain of events: each event's digest covers the digest of the one before.
#pragma once

#include "engine/store/records.h"

namespace vigie {

// SHA-256 over "vigie-event-1" and every field but the digest, in their order in EventRecord;
// numbers as 8 bytes, lowest first, what is absent as 0; texts as their length in bytes, a number,
// and their bytes.
EventDigest ContentOf(const EventRecord& event);

// The digest of an event with this content after one with the digest `previous` (zeroes before the
// first): SHA-256 over `previous` and `content`. So one event can be shown to be part of a chain
// without showing the others.
EventDigest LinkOf(const EventDigest& previous, const EventDigest& content);

inline EventDigest DigestOf(const EventRecord& event, const EventDigest& previous) {
  return LinkOf(previous, ContentOf(event));
}

}  // namespace vigie
