#include "engine/match/image_hasher.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "engine/image/pixel_buffer.h"
#include "engine/local/extract.h"

namespace vigie {
namespace {

using SteadyClock = std::chrono::steady_clock;

int64_t NanosecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - begin).count();
}

// The hashes of all frames as they come; remembers which were there.
class FrameHasher {
 public:
  FrameHasher(const HashOptions& options, PdqScratch& scratch, absl::FunctionRef<bool()> go_on)
      : options_(options),
        scratch_(scratch),
        go_on_(go_on),
        picker_(static_cast<size_t>(options.max_frames)) {}

  bool Take(const Frame& frame) {
    cut_short_ = !go_on_();
    if (cut_short_) return false;
    const auto begin = SteadyClock::now();
    // Parts are found in what the whole is hashed of, also when all pixels are there.
    PixelBuffer buffer;
    const Frame seen = options_.profile == Profile::kReference ? SampleOf(frame, &buffer) : frame;
    Add(seen);
    hash_ns_ += NanosecondsSince(begin);
    // Frames that are told apart by nothing but their parts are few.
    if (frames_cut_up_++ >= options_.max_frames) return true;
    if (options_.max_variants > 0) CutUp(seen);
    if (options_.local_places > 0 && local_.keypoints.empty()) Describe(frame);
    return true;
  }

  int frames() const { return frames_cut_up_; }  // that came to their end
  int best_quality() const { return best_.pdq.quality; }
  int64_t hash_ns() const { return hash_ns_; }
  int64_t variants_ns() const { return variants_ns_; }
  bool cut_short() const { return cut_short_; }
  bool variants_cut_short() const { return variants_cut_short_; }

  LocalFingerprint FinishLocal(int* frame) && {
    *frame = local_frame_;
    return std::move(local_);
  }

  // In pixels of a picture of this size.
  std::vector<HashedVariant> FinishVariants(int width, int height) && {
    for (HashedVariant& hashed : variants_) {
      Rectangle& r = hashed.variant.rectangle;
      const auto scaled = [](int at, int to, int from) {
        return static_cast<int>(int64_t{at} * to / from);
      };
      const int right = scaled(r.x + r.width, width, seen_width_);
      const int bottom = scaled(r.y + r.height, height, seen_height_);
      r.x = scaled(r.x, width, seen_width_);
      r.y = scaled(r.y, height, seen_height_);
      r.width = right - r.x;
      r.height = bottom - r.y;
    }
    return std::move(variants_);
  }

  std::vector<HashedFrame> Finish() && {
    std::vector<HashedFrame> frames = std::move(picker_).Pick();
    if (frames.empty() && best_.number >= 0) frames.push_back(best_);
    return frames;
  }

 private:
  static Frame SampleOf(const Frame& frame, PixelBuffer* buffer) {
    const Sample sample(frame.pixels.width, frame.pixels.height, Sampling::kPdqReference);
    if (sample.all()) return frame;
    *buffer = CopySample(frame.pixels, sample);
    return {.pixels = buffer->view(), .number = frame.number, .time_ms = 0, .owner = nullptr};
  }

  void Add(const Frame& frame) {
    HashedFrame hashed{.number = frame.number, .pdq = {}};
    if (options_.all_orientations) {
      hashed.pdq = ComputePdqOrientations(frame.pixels, options_.profile, scratch_);
    } else {
      const PdqResult single = ComputePdq(frame.pixels, options_.profile, scratch_);
      hashed.pdq.hashes[0] = single.hash;
      hashed.pdq.quality = single.quality;
    }
    if (best_.number < 0 || hashed.pdq.quality > best_.pdq.quality) best_ = hashed;
    if (hashed.pdq.quality >= options_.min_quality && seen_.insert(Key(hashed.pdq)).second) {
      picker_.Offer(std::move(hashed));
    }
  }

  void CutUp(const Frame& frame) {
    const auto begin = SteadyClock::now();
    const int64_t left = options_.variants_budget_ns - variants_ns_;
    const auto most = static_cast<size_t>(options_.max_variants);
    seen_width_ = frame.pixels.width;
    seen_height_ = frame.pixels.height;
    if (variants_.size() < most) {
      variants_cut_short_ = variants_cut_short_ || left <= 0;
      if (left > 0) {
        for (const Variant& variant : FindVariants(frame.pixels, most - variants_.size())) {
          variants_cut_short_ = NanosecondsSince(begin) >= left || !go_on_();
          if (variants_cut_short_) break;
          HashedVariant hashed{.frame = frame.number, .variant = variant, .pdq = {}};
          hashed.pdq = ComputePdqOrientations(Part(frame.pixels, variant.rectangle),
                                              options_.profile, scratch_);
          if (hashed.pdq.quality >= options_.min_quality) variants_.push_back(hashed);
        }
      }
    }
    variants_ns_ += NanosecondsSince(begin);
  }

  void Describe(const Frame& frame) {
    const auto begin = SteadyClock::now();
    if (variants_ns_ >= options_.variants_budget_ns || !go_on_()) {
      variants_cut_short_ = true;
      return;
    }
    try {
      LocalFingerprint local =
          ExtractLocal(frame.pixels, static_cast<size_t>(options_.local_places));
      if (!local.keypoints.empty()) {
        local_ = std::move(local);
        local_frame_ = frame.number;
      }
    } catch (const std::bad_alloc&) {
      variants_cut_short_ = true;  // the hashes are there
    }
    variants_ns_ += NanosecondsSince(begin);
  }

  // Stands for all 8 hashes, which are taken from the same frequencies: two of them.
  static std::string Key(const PdqOrientations& pdq) {
    std::string key;
    for (const Orientation o : {Orientation::kOriginal, Orientation::kRotate90}) {
      const auto& bytes = pdq.hashes[static_cast<size_t>(o)].bytes;
      key.append(bytes.begin(), bytes.end());
    }
    return key;
  }

  const HashOptions& options_;
  PdqScratch& scratch_;
  absl::FunctionRef<bool()> go_on_;
  FramePicker picker_;
  HashedFrame best_{.number = -1, .pdq = {}};
  absl::flat_hash_set<std::string> seen_;
  std::vector<HashedVariant> variants_;
  LocalFingerprint local_;
  int local_frame_ = 0;
  int frames_cut_up_ = 0;
  int seen_width_ = 1;
  int seen_height_ = 1;
  int64_t hash_ns_ = 0;
  int64_t variants_ns_ = 0;
  bool cut_short_ = false;
  bool variants_cut_short_ = false;
};

}  // namespace

absl::StatusOr<HashedImage> HashEncoded(Bytes bytes, const HashOptions& asked, PdqScratch& scratch,
                                        absl::FunctionRef<bool()> go_on) {
  HashOptions options = asked;
  DecodeMode mode = options.mode;
  HashedImage image;
  bool sampled = options.profile == Profile::kReference && options.local_places == 0;
  while (true) {
    FrameHasher hasher(options, scratch, go_on);
    const auto begin = SteadyClock::now();
    const auto summary = DecodeFrames(bytes, options.limits, mode,
                                      sampled ? Sampling::kPdqReference : Sampling::kAllPixels,
                                      [&](const Frame& frame) { return hasher.Take(frame); });
    const std::string reason = ReasonOf(summary.ok() ? summary->rest : summary.status());
    if (!sampled && options.profile == Profile::kReference && hasher.frames() == 0 && go_on() &&
        (reason == "IMAGE_TOO_LARGE" || reason == "OUT_OF_MEMORY")) {
      // It may be too large to be there whole: its hash alone is better than nothing.
      sampled = true;
      options.local_places = 0;
      continue;
    }
    VIGIE_ASSIGN_OR_RETURN(image.summary, summary);
    image.cut_short = hasher.cut_short();
    image.hash_ns += hasher.hash_ns();
    image.variants_ns += hasher.variants_ns();
    image.decode_ns += NanosecondsSince(begin) - hasher.hash_ns() - hasher.variants_ns();
    const int floor = std::max(options.min_quality, kDefaultMinQuality) + kFastQualityMargin;
    if (mode == DecodeMode::kFast && image.summary.format == ImageFormat::kJpeg &&
        hasher.best_quality() < floor && go_on()) {
      mode = DecodeMode::kExact;
      continue;
    }
    image.variants_cut_short = hasher.variants_cut_short();
    image.variants = std::move(hasher).FinishVariants(image.summary.width, image.summary.height);
    image.local = std::move(hasher).FinishLocal(&image.local_frame);
    image.frames = std::move(hasher).Finish();
    return image;
  }
}

absl::StatusOr<HashedImage> HashEncoded(Bytes bytes, const HashOptions& options,
                                        PdqScratch& scratch) {
  return HashEncoded(bytes, options, scratch, [] { return true; });
}

void PrepareToHash() {
  // OpenCV looks for libraries to run in parallel by, and for processors: at blurring and scaling,
  // so there must be something to describe.
  constexpr int kSide = 512;
  std::vector<uint8_t> pixels(size_t{kSide} * kSide);
  uint32_t noise = 1;
  for (uint8_t& pixel : pixels) {
    noise = noise * 1664525 + 1013904223;
    pixel = static_cast<uint8_t>(noise >> 24);
  }
  ExtractLocal({.data = pixels.data(), .width = kSide, .height = kSide, .stride_bytes = kSide},
               kUploadKeypoints);
}

absl::StatusOr<HashedImage> InProcessHasher::Hash(Bytes bytes, const HashOptions& options,
                                                  TimeUs deadline_us) const {
  static thread_local PdqScratch scratch;
  return HashEncoded(bytes, options, scratch, [&] { return clock_.Now() < deadline_us; });
}

void FramePicker::Offer(HashedFrame frame) {
  if (offered_++ % step_ != 0) return;
  kept_.push_back(std::move(frame));
  if (kept_.size() < 2 * most_) return;
  for (size_t i = 0; i < most_; ++i) kept_[i] = kept_[2 * i];
  kept_.resize(most_);
  step_ *= 2;
}

std::vector<HashedFrame> FramePicker::Pick() && {
  if (kept_.size() <= most_) return std::move(kept_);
  std::vector<HashedFrame> picked;
  const size_t gaps = std::max<size_t>(most_ - 1, 1);
  for (size_t i = 0; i < most_; ++i) {
    picked.push_back(std::move(kept_[i * (kept_.size() - 1) / gaps]));
  }
  return picked;
}

}  // namespace vigie
