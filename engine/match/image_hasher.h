// Encoded bytes to PDQ, frame by frame: where decoding and hashing meet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/clock.h"
#include "engine/base/fingerprint.h"
#include "engine/base/status.h"
#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"
#include "engine/local/local_fingerprint.h"
#include "engine/variants/variants.h"

namespace vigie {

// The frames of an animation that are looked up or submitted, unless configured otherwise.
inline constexpr int kDefaultMaxFrames = 16;

// A fast decode moves the bits of a picture with hardly any features by dozens: one whose quality
// is less than this much above the floor is decoded again, exactly.
inline constexpr int kFastQualityMargin = 5;

struct HashOptions {
  DecodeLimits limits = {};
  DecodeMode mode = DecodeMode::kExact;
  Profile profile = Profile::kReference;
  bool all_orientations = true;  // otherwise only hashes[0] is set, as ComputePdq() gives it
  int min_quality = kDefaultMinQuality;
  int max_frames = kDefaultMaxFrames;  // at least 1
  // Parts of the picture that are hashed as well, 0 to kMaxVariants.
  int max_variants = 0;
  // Places of the local fingerprint, 0 to kMaxLocalKeypoints.
  int local_places = 0;
  int64_t variants_budget_ns = 0;  // of both
};

struct HashedFrame {
  int number = 0;  // from 0
  PdqOrientations pdq;
};

// A part of a frame, with all orientations.
struct HashedVariant {
  int frame = 0;
  Variant variant;  // in pixels of the picture as stored
  PdqOrientations pdq;
};

struct HashedImage {
  // Of a still picture one. Of an animation those that differ (in any of their hashes) and reach
  // min_quality, in order; when these are more than max_frames, that many of them, evenly from the
  // first to the last. When none reaches min_quality, the one of the best quality.
  std::vector<HashedFrame> frames;
  FrameSummary summary;  // of the decoder
  // `go_on` ended it: frames are missing that nothing is known of.
  bool cut_short = false;
  // At most max_variants, each of at least min_quality: of a still picture the likeliest, of an
  // animation those of the first frames that have any.
  std::vector<HashedVariant> variants;
  // Of the first frame that has places; without keypoints when none has, or when the picture is too
  // large to be in memory whole.
  LocalFingerprint local;
  int local_frame = 0;
  bool variants_cut_short = false;  // the budget ended before all parts and places were there
  // What it took, nanoseconds.
  int64_t decode_ns = 0;
  int64_t hash_ns = 0;
  int64_t variants_ns = 0;  // of the parts and places, not in hash_ns
};

// The hashes of `bytes`. `go_on` is asked before each frame is hashed; after false no more are.
// `scratch` is the caller's, one a thread. Memory does not grow with the length of an animation,
// but for 64 bytes a frame. Errors as DecodeFrames().
absl::StatusOr<HashedImage> HashEncoded(Bytes bytes, const HashOptions& options,
                                        PdqScratch& scratch, absl::FunctionRef<bool()> go_on);
absl::StatusOr<HashedImage> HashEncoded(Bytes bytes, const HashOptions& options,
                                        PdqScratch& scratch);

// Makes what libraries make when they are first used: a process that is going to shut itself in
// calls this before.
void PrepareToHash();

// Where pictures are decoded and hashed: in this process, or behind a wall. Thread-safe.
class ImageHasher {
 public:
  virtual ~ImageHasher() = default;

  // As HashEncoded(); no frame is hashed after `deadline_us`. Besides its errors, where the work is
  // done elsewhere: DECODER_FAILED (UNAVAILABLE), it crashed, hung, or could not be begun.
  virtual absl::StatusOr<HashedImage> Hash(Bytes bytes, const HashOptions& options,
                                           TimeUs deadline_us) const = 0;
};

// In the calling thread, with scratch memory of that thread.
class InProcessHasher final : public ImageHasher {
 public:
  // `clock` outlives the hasher.
  explicit InProcessHasher(const Clock& clock) : clock_(clock) {}
  absl::StatusOr<HashedImage> Hash(Bytes bytes, const HashOptions& options,
                                   TimeUs deadline_us) const override;

 private:
  const Clock& clock_;
};

// Chooses among offered frames, evenly over all of them, without knowing how many will come: keeps
// every one, then every second, every fourth..., at most twice as many as are wanted.
class FramePicker {
 public:
  explicit FramePicker(size_t most) : most_(most) {}
  void Offer(HashedFrame frame);
  std::vector<HashedFrame> Pick() &&;

 private:
  size_t most_;
  size_t step_ = 1;
  size_t offered_ = 0;
  std::vector<HashedFrame> kept_;
};

}  // namespace vigie
