// A decoder that does on request what a broken or captured one might do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/decode/worker.h"

namespace vigie::testing {

struct Fault {
  std::string_view name;
  // Why the worker is replaced, as Name(DecoderEnd) says it; empty: it is not.
  std::string_view end;
  void (*act)();
};

// Every fault but those that hang.
const std::vector<Fault>& Faults();

// "Pictures" that make HashOrMisbehave() do something else: a fault of the list, or
inline constexpr std::string_view kSpin = "spin";        // never answers, uses the processor
inline constexpr std::string_view kSleep = "sleep";      // never answers, sleeps
inline constexpr std::string_view kSlow = "slow";        // answers after half a second
inline constexpr std::string_view kPeek = "peek";        // looks for what others left in the slot
inline constexpr std::string_view kChatter = "chatter";  // prints
std::vector<uint8_t> Request(std::string_view what);

// HashEncoded() for everything that is not a Request(). After one that leaves the worker alive the
// answer is that to a picture without a known format.
absl::StatusOr<HashedImage> HashOrMisbehave(Bytes bytes, const HashOptions& options,
                                            PdqScratch& scratch, absl::FunctionRef<bool()> go_on);

}  // namespace vigie::testing
