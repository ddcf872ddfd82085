// The names of a call: a request id of our own, and the trace of the caller (W3C Trace Context).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigie {

// What a caller's `traceparent` says: which trace the call belongs to.
struct Trace {
  std::string id;  // 32 lower-case hex digits
  uint8_t flags = 0;
};

// nullopt for anything but a valid header: version 00 is read strictly, later ones as far as they
// are the same; ids of nothing but zeros and upper-case digits are not valid.
std::optional<Trace> ParseTraceparent(std::string_view header);

// The header that names `span` (not 0) of the trace.
std::string FormatTraceparent(const Trace& trace, uint64_t span);

// True for what a caller may name its request: 1 to 36 characters a-z, A-Z, 0-9, '.', '_', '-'.
bool IsRequestId(std::string_view text);

// A random number, never 0. Names a request; no secret is made of it. Any thread.
uint64_t RandomId();

// 16 lower-case hex digits.
std::string FormatId(uint64_t id);

}  // namespace vigie
