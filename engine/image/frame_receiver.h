// Inside engine/image only: what a decoder gives its frames to, and what bounds it.
#pragma once

#include <cstdint>

#include "engine/base/status.h"
#include "engine/image/decoder.h"
#include "engine/image/format.h"
#include "engine/image/pixel_buffer.h"

namespace vigie {

// Counts the work of one DecodeFrames(), leaves out frames that repeat the one before, and hands
// the others on.
class FrameReceiver {
 public:
  // `limits` and `sink` outlive the receiver.
  FrameReceiver(const ImageHeader& header, const DecodeLimits& limits, Sampling sampling,
                FrameSink sink)
      : sampling_(sampling),
        sample_(header.width, header.height, sampling),
        limits_(limits),
        sink_(sink) {}

  // The frames' size where the header says only what it is at most. Before the first frame.
  void SetSize(int64_t width, int64_t height) { sample_ = Sample(width, height, sampling_); }

  // Which pixels of a composed frame are wanted.
  const Sample& sample() const { return sample_; }

  // To be asked before a frame that costs `pixels` is decoded. IMAGE_TOO_LARGE: not this one, and
  // no more.
  absl::Status Spend(int64_t pixels);

  // A composed frame, shown from `time_ms` on. False: no more are wanted.
  bool Take(PixelBuffer pixels, int64_t time_ms);

  int frames() const { return frames_; }

 private:
  Sampling sampling_;
  Sample sample_;
  const DecodeLimits& limits_;
  FrameSink sink_;
  int64_t spent_ = 0;
  int frames_ = 0;
  PixelBuffer previous_;
};

}  // namespace vigie
