// Pictures are decoded and hashed in worker processes behind a wall: a picture that makes a decoder
// crash, hang or take all memory costs its own request and nothing else.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/match/image_hasher.h"
#include "server/decode/spawner.h"

namespace vigie {

// Why a worker was replaced.
enum class DecoderEnd : uint8_t {
  kCrashed,    // while it worked on a picture
  kForbidden,  // it tried what the wall forbids: somebody may be attacking
  kHung,       // it worked on a picture for longer than allowed
  kAbandoned,  // the caller's deadline passed long before it was done
  kGarbled,    // its answer was none
  kFoundDead,  // before it was given a picture; costs no request
  kRecycled,   // after many pictures, or when it was out of memory; costs no request
};
inline constexpr size_t kDecoderEnds = 7;
// "crashed", "forbidden", "hung"...
std::string_view Name(DecoderEnd end);

struct DecoderStats {
  uint64_t workers = 0;                              // that are to be there
  uint64_t busy = 0;                                 // with a picture
  uint64_t waiting = 0;                              // callers, for a worker
  uint64_t requests = 0;                             // pictures given to workers so far
  std::array<uint64_t, kDecoderEnds> replaced = {};  // so far, by DecoderEnd
  uint64_t failed_starts = 0;   // of a worker, so far; its place is filled when it is needed next
  uint64_t spawner_starts = 0;  // so far; 1 unless it had to be started again
};

struct WalledHasherOptions {
  size_t workers = 1;  // at least 1
  // Of all pictures; HashOptions may say less.
  DecodeLimits limits = {};
  // How long a picture may take.
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
  // A worker is replaced after so many pictures: what a library leaks or keeps goes with it.
  uint64_t pictures_a_worker = 10'000;
  // The program and arguments that run RunSpawner().
  std::vector<std::string> command = {"/proc/self/exe", decode::kSpawnerCommand};
  // Told of every worker that was replaced, in the thread that noticed; may be empty.
  std::function<void(DecoderEnd end)> on_replaced = {};
};

// Thread-safe. Starts no threads.
class WalledHasher final : public ImageHasher {
 public:
  // Returns when all workers are behind the wall. `clock` outlives the hasher. UNAVAILABLE, reason
  // DECODER_FAILED: this system has no such walls; the message says what is missing.
  static absl::StatusOr<std::unique_ptr<WalledHasher>> Start(WalledHasherOptions options,
                                                             const Clock& clock);
  // No Hash() runs any more. Ends all processes.
  ~WalledHasher() override;

  // As InProcessHasher, with the same bits, reasons and messages. A caller waits for a free worker
  // until `deadline_us`; a decode that goes on for long after it is cut off. Also
  // DECODER_FAILED (UNAVAILABLE): the worker crashed, hung, or gave no valid answer; none could be
  // started, or none was free in time. The picture is not tried again: it may be the cause.
  absl::StatusOr<HashedImage> Hash(Bytes bytes, const HashOptions& options,
                                   TimeUs deadline_us) const override;

  DecoderStats stats() const;

  // The processes as they are now, for tests and benchmarks; -1: none. The spawner is the last.
  std::vector<pid_t> Processes() const;

 private:
  class Pool;
  explicit WalledHasher(std::unique_ptr<Pool> pool);
  const std::unique_ptr<Pool> pool_;
};

}  // namespace vigie
