#include "engine/store/event_chain.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <string_view>

#include "engine/base/digest.h"

namespace vigie {
namespace {

void Put(uint64_t number, std::string* bytes) {
  for (int shift = 0; shift < 64; shift += 8) {
    bytes->push_back(static_cast<char>(number >> shift & 0xff));
  }
}

void Put(std::string_view text, std::string* bytes) {
  Put(uint64_t{text.size()}, bytes);
  bytes->append(text);
}

}  // namespace

EventDigest ContentOf(const EventRecord& event) {
  std::string bytes = "vigie-event-1";
  bytes.reserve(512);
  Put(event.number, &bytes);
  Put(std::bit_cast<uint64_t>(event.time_us), &bytes);
  Put(static_cast<uint64_t>(event.kind), &bytes);
  Put(uint64_t{event.list}, &bytes);
  Put(uint64_t{event.entry}, &bytes);
  Put(uint64_t{event.last_entry}, &bytes);
  Put(event.from.has_value() ? static_cast<uint64_t>(*event.from) : 0, &bytes);
  Put(event.to.has_value() ? static_cast<uint64_t>(*event.to) : 0, &bytes);
  Put(event.organisation, &bytes);
  Put(event.role.has_value() ? static_cast<uint64_t>(*event.role) : 0, &bytes);
  Put(event.key_id, &bytes);
  Put(event.person, &bytes);
  Put(static_cast<uint64_t>(event.reason), &bytes);
  Put(event.legal_basis, &bytes);
  Put(event.case_reference, &bytes);
  Put(event.revision, &bytes);
  return Sha256(AsBytes(bytes));
}

EventDigest LinkOf(const EventDigest& previous, const EventDigest& content) {
  std::array<uint8_t, 64> both{};
  std::copy(previous.begin(), previous.end(), both.begin());
  std::copy(content.begin(), content.end(), both.begin() + 32);
  return Sha256(both);
}

}  // namespace vigie
