// Proof that nothing was changed, removed, added or reordered in the chain of events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/signature.h"
#include "engine/base/status.h"
#include "engine/store/store.h"

namespace vigie {

// Signs the head of the chain now and then, so that what lies before it cannot be replaced, nor the
// end cut off, without the key. One thread at a time.
class HeadSigner {
 public:
  // A head is signed for so many new events, or for any when so much time has passed.
  static constexpr uint64_t kEvents = 1000;
  static constexpr TimeUs kPauseUs = 60 * kSecondUs;

  // `store` outlives it. Errors of the store.
  static absl::StatusOr<HeadSigner> Open(Store& store, SigningKey key);

  // Signs the last event if it is due, or if it is new and `now_or_never`. Errors of the store.
  absl::Status Sign(TimeUs now, bool now_or_never);

 private:
  HeadSigner(Store& store, SigningKey key, const HeadRecord& last)
      : store_(&store), key_(std::move(key)), last_number_(last.number), last_us_(last.time_us) {}

  Store* store_;
  SigningKey key_;
  uint64_t last_number_;  // that was signed
  TimeUs last_us_;
};

// Makes the statement that the chain of the database `database` (Store::id()) had `last` at its
// end.
HeadRecord MakeHead(const SigningKey& key, const std::array<uint8_t, 32>& database,
                    const EventRecord& last, TimeUs now);
// True when `head` is such a statement, signed by the holder of `key`.
bool IsSigned(const HeadRecord& head, const std::array<uint8_t, 32>& database,
              const PublicKey& key);

struct ChainReport {
  uint64_t events = 0;
  uint64_t heads = 0;  // signed statements that were checked
  uint64_t signed_until =
      0;               // the last event that a head vouches for; what follows could be cut off
  EventDigest head{};  // digest of the last event
};

// Reads every event and every head. With `kept`, a head that was kept elsewhere, also a database
// whose events and heads were both cut off, or that was made anew, is found out. DATA_LOSS, reason
// CHAIN_BROKEN, says where it breaks; errors of the store.
absl::StatusOr<ChainReport> VerifyEvents(Store& store, const PublicKey& key,
                                         const std::optional<HeadRecord>& kept);

}  // namespace vigie
