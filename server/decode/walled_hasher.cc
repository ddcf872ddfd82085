#include "server/decode/walled_hasher.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/decode/picture_slot.h"
#include "server/decode/wire.h"

namespace vigie {

using decode::DecoderFailed;
using decode::Received;
using decode::SteadyTime;

namespace {

using SteadyClock = std::chrono::steady_clock;

// How long after its caller's deadline a decode may go on before it is cut off: ending it costs a
// worker, and most end by themselves.
constexpr auto kGrace = std::chrono::milliseconds(200);
// Until a new worker is behind the wall.
constexpr auto kReadyTime = std::chrono::seconds(10);
// Address space beyond what pictures may take by their headers: a thread's stack, scratch memory,
// and what the allocator holds back. docs/decisions/0015-decoder-wall.md has the measurement.
constexpr int64_t kHeadroom = int64_t{64} << 20;

// The time of `clock` as one of the steady clock.
SteadyTime SteadyTimeOf(TimeUs deadline_us, const Clock& clock) {
  constexpr TimeUs kFar = 365 * kDayUs;
  // In this order: what passes between the two makes the deadline later, never earlier.
  const TimeUs wall = clock.Now();
  const auto now = SteadyClock::now();
  if (deadline_us > wall && deadline_us - wall > kFar) return now + std::chrono::hours(24 * 365);
  return now + std::chrono::microseconds(std::max(deadline_us - wall, -kFar));
}

}  // namespace

std::string_view Name(DecoderEnd end) {
  switch (end) {
    case DecoderEnd::kCrashed:
      return "crashed";
    case DecoderEnd::kForbidden:
      return "forbidden";
    case DecoderEnd::kHung:
      return "hung";
    case DecoderEnd::kAbandoned:
      return "abandoned";
    case DecoderEnd::kGarbled:
      return "garbled";
    case DecoderEnd::kFoundDead:
      return "found_dead";
    case DecoderEnd::kRecycled:
      return "recycled";
  }
  return "unknown";
}

// A fixed number of places, each with a slot and, mostly, a worker. A place is held by one caller
// at a time, or lies in free_.
class WalledHasher::Pool {
 public:
  Pool(WalledHasherOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock), spawner_(options_.command) {}

  absl::Status Start() {
    for (size_t i = 0; i < options_.workers; ++i) {
      absl::StatusOr<decode::PictureSlot> slot =
          decode::PictureSlot::Make(options_.limits.max_image_bytes);
      if (!slot.ok()) return slot.status();
      places_.push_back(std::make_unique<Place>(*std::move(slot)));
      VIGIE_RETURN_IF_ERROR(StartWorker(*places_.back()));
      free_.push_back(places_.back().get());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<HashedImage> Hash(Bytes bytes, const HashOptions& options, TimeUs deadline_us);
  size_t max_picture_bytes() const { return options_.limits.max_image_bytes; }
  DecoderStats stats() const;
  std::vector<pid_t> Processes() const;

 private:
  struct Place {
    explicit Place(decode::PictureSlot s) : slot(std::move(s)) {}
    decode::PictureSlot slot;
    decode::File socket;                            // to the worker; not open: there is none
    std::optional<decode::Spawner::Worker> worker;  // the last one, until it is known to be gone
    std::atomic<pid_t> pid{-1};
    uint64_t pictures = 0;
  };
  // What became of a question.
  struct Outcome {
    absl::StatusOr<HashedImage> image;
    std::optional<DecoderEnd> end;  // set: the worker must go
  };

  Place* Acquire(SteadyTime until);
  void Release(Place* place);
  absl::Status StartWorker(Place& place, int* ended_by = nullptr);
  // The last worker is gone, and another is in its place if one can be started.
  void ReplaceWorker(Place& place, DecoderEnd end);
  Outcome Ask(Place& place, const decode::Question& question, SteadyTime deadline);

  const WalledHasherOptions options_;
  const Clock& clock_;
  mutable std::mutex spawner_mutex_;
  decode::Spawner spawner_;
  std::vector<std::unique_ptr<Place>> places_;
  std::mutex free_mutex_;
  std::condition_variable freed_;
  std::vector<Place*> free_;  // the last one was used last: its caches are warm
  std::atomic<uint64_t> busy_{0};
  std::atomic<uint64_t> waiting_{0};
  std::atomic<uint64_t> requests_{0};
  std::array<std::atomic<uint64_t>, kDecoderEnds> replaced_{};
  std::atomic<uint64_t> failed_starts_{0};
};

WalledHasher::Pool::Place* WalledHasher::Pool::Acquire(SteadyTime until) {
  std::unique_lock lock(free_mutex_);
  if (free_.empty()) {
    ++waiting_;
    freed_.wait_until(lock, until, [this] { return !free_.empty(); });
    --waiting_;
    if (free_.empty()) return nullptr;
  }
  Place* const place = free_.back();
  free_.pop_back();
  ++busy_;
  return place;
}

void WalledHasher::Pool::Release(Place* place) {
  {
    const std::lock_guard lock(free_mutex_);
    free_.push_back(place);
    --busy_;
  }
  freed_.notify_one();
}

absl::Status WalledHasher::Pool::StartWorker(Place& place, int* ended_by) {
  place.socket.Close();
  place.pid = -1;
  place.pictures = 0;
  decode::SocketPair ends;
  VIGIE_ASSIGN_OR_RETURN(ends, decode::MakeSocketPair());
  {
    const std::lock_guard lock(spawner_mutex_);
    int signal = -1;
    const auto old = std::exchange(place.worker, std::nullopt);
    VIGIE_ASSIGN_OR_RETURN(place.worker,
                           spawner_.Replace(old, ends.theirs.get(), place.slot.file(),
                                            options_.limits.max_memory_bytes + kHeadroom, &signal));
    if (ended_by != nullptr) *ended_by = signal;
  }
  ends.theirs.Close();
  decode::Ready ready;
  size_t size = 0;
  if (decode::ReceiveMessage(ends.ours.get(), SteadyClock::now() + kReadyTime,
                             decode::WritableBytesOf(ready), &size) != Received::kMessage ||
      size != sizeof(ready)) {
    return DecoderFailed("a decoder did not start");
  }
  ready.failure.back() = '\0';
  if (ready.failure[0] != '\0') return DecoderFailed(ready.failure.data());
  place.socket = std::move(ends.ours);
  place.pid = place.worker->pid;
  return absl::OkStatus();
}

void WalledHasher::Pool::ReplaceWorker(Place& place, DecoderEnd end) {
  int ended_by = -1;
  if (!StartWorker(place, &ended_by).ok()) ++failed_starts_;
  // Also one that did it after a proper answer, when it had nothing to do.
  const bool by_itself =
      end == DecoderEnd::kCrashed || end == DecoderEnd::kFoundDead || end == DecoderEnd::kRecycled;
  if (by_itself && ended_by == SIGSYS) end = DecoderEnd::kForbidden;
  ++replaced_[static_cast<size_t>(end)];
  if (options_.on_replaced) options_.on_replaced(end);
}

WalledHasher::Pool::Outcome WalledHasher::Pool::Ask(Place& place, const decode::Question& question,
                                                    SteadyTime deadline) {
  const SteadyTime begin = SteadyClock::now();
  const SteadyTime hung = begin + options_.timeout;
  const SteadyTime until = std::min(hung, deadline + kGrace);
  static thread_local std::vector<std::byte> answer(decode::kMaxAnswerBytes);
  size_t size = 0;
  if (!decode::SendMessage(place.socket.get(), decode::BytesOf(question))) {
    return {DecoderFailed("the decoder crashed before this picture"), DecoderEnd::kCrashed};
  }
  switch (decode::ReceiveMessage(place.socket.get(), until, answer, &size)) {
    case Received::kClosed:
      return {DecoderFailed("the decoder crashed on this picture"), DecoderEnd::kCrashed};
    case Received::kTooLate:
      if (until < hung) {
        return {DecoderFailed("the deadline passed while this picture was decoded"),
                DecoderEnd::kAbandoned};
      }
      return {DecoderFailed(absl::StrCat("decoding this picture took longer than ",
                                         options_.timeout.count(), " ms")),
              DecoderEnd::kHung};
    case Received::kMessage:
      break;
  }
  bool valid = false;
  const auto took = std::chrono::nanoseconds(SteadyClock::now() - begin);
  Outcome outcome{decode::DecodeAnswer({answer.data(), std::min(size, answer.size())}, question,
                                       took.count(), &valid),
                  std::nullopt};
  if (!valid || size > answer.size()) {
    outcome.end = DecoderEnd::kGarbled;
  } else if (ReasonOf(outcome.image.status()) == "OUT_OF_MEMORY" ||
             ++place.pictures >= options_.pictures_a_worker) {
    outcome.end = DecoderEnd::kRecycled;
  }
  return outcome;
}

absl::StatusOr<HashedImage> WalledHasher::Pool::Hash(Bytes bytes, const HashOptions& options,
                                                     TimeUs deadline_us) {
  const SteadyTime deadline = SteadyTimeOf(deadline_us, clock_);
  Place* const place = Acquire(deadline);
  if (place == nullptr) return DecoderFailed("no decoder was free before the deadline");
  // Whoever is found dead here has not seen this picture.
  if (!place->socket.open() || decode::HasNews(place->socket.get())) {
    ReplaceWorker(*place, DecoderEnd::kFoundDead);
  }
  if (!place->socket.open()) {
    Release(place);
    return DecoderFailed("no decoder could be started");
  }
  decode::Question question;
  question.number = ++requests_;
  question.picture_bytes = bytes.size();
  question.deadline_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  question.options = options;
  place->slot.Write(bytes);
  Outcome outcome = Ask(*place, question, deadline);
  place->slot.Clear();
  if (outcome.end.has_value()) ReplaceWorker(*place, *outcome.end);
  Release(place);
  return std::move(outcome.image);
}

DecoderStats WalledHasher::Pool::stats() const {
  DecoderStats stats;
  stats.workers = places_.size();
  stats.busy = busy_;
  stats.waiting = waiting_;
  stats.requests = requests_;
  for (size_t i = 0; i < kDecoderEnds; ++i) stats.replaced[i] = replaced_[i];
  stats.failed_starts = failed_starts_;
  stats.spawner_starts = spawner_.starts();
  return stats;
}

std::vector<pid_t> WalledHasher::Pool::Processes() const {
  std::vector<pid_t> pids;
  for (const auto& place : places_) pids.push_back(place->pid);
  const std::lock_guard lock(spawner_mutex_);
  pids.push_back(spawner_.pid());
  return pids;
}

WalledHasher::WalledHasher(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
WalledHasher::~WalledHasher() = default;

absl::StatusOr<std::unique_ptr<WalledHasher>> WalledHasher::Start(WalledHasherOptions options,
                                                                  const Clock& clock) {
  auto pool = std::make_unique<Pool>(std::move(options), clock);
  VIGIE_RETURN_IF_ERROR(pool->Start());
  return std::unique_ptr<WalledHasher>(new WalledHasher(std::move(pool)));
}

absl::StatusOr<HashedImage> WalledHasher::Hash(Bytes bytes, const HashOptions& options,
                                               TimeUs deadline_us) const {
  if (bytes.size() > options.limits.max_image_bytes) {
    // Refused by its size alone: no byte of it is read.
    PdqScratch scratch;
    return HashEncoded(bytes, options, scratch);
  }
  if (bytes.size() > pool_->max_picture_bytes() || options.max_frames > decode::kMaxAnswerFrames) {
    return DecoderFailed("the decoders are not made for so large a picture or so many frames");
  }
  return pool_->Hash(bytes, options, deadline_us);
}

DecoderStats WalledHasher::stats() const { return pool_->stats(); }
std::vector<pid_t> WalledHasher::Processes() const { return pool_->Processes(); }

}  // namespace vigie
