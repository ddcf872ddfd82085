// PNG, BMP and TIFF by OpenCV, whose colour decode is what the reference hashes.
#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

// OpenCV's process-wide settings, once: no pool of threads, nothing written to the error output.
void ConfigureOpenCv() {
  static const bool configured = [] {
    cv::setNumThreads(1);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    return true;
  }();
  static_cast<void>(configured);
}

// Gives zeroed memory: should a decoder leave rows unwritten, what was there before, another
// picture perhaps, must not be taken for pixels. (Handing cv::imdecode a zeroed destination is not
// enough: it comes back as a black picture when the header cannot be read.) One per decode;
// remembers what it gave.
class ZeroingAllocator final : public cv::MatAllocator {
 public:
  cv::UMatData* allocate(int dims, const int* sizes, int type, void* data, size_t* step,
                         cv::AccessFlag flags, cv::UMatUsageFlags usage) const override {
    cv::UMatData* const block =
        cv::Mat::getStdAllocator()->allocate(dims, sizes, type, data, step, flags, usage);
    std::memset(block->data, 0, block->size);
    given_ = block->data;
    return block;  // belongs to the standard allocator, which frees it
  }
  bool allocate(cv::UMatData* block, cv::AccessFlag flags,
                cv::UMatUsageFlags usage) const override {
    return cv::Mat::getStdAllocator()->allocate(block, flags, usage);
  }
  void deallocate(cv::UMatData* block) const override {
    cv::Mat::getStdAllocator()->deallocate(block);
  }

  const uint8_t* given() const { return given_; }

 private:
  mutable const uint8_t* given_ = nullptr;
};

// The pixels of `decoded`, which lives as long as somebody looks at them; of a sample a copy.
PixelBuffer Opaque(const cv::Mat& decoded, const Sample& sample) {
  const PixelView pixels{.data = decoded.data,
                         .width = decoded.cols,
                         .height = decoded.rows,
                         .stride_bytes = decoded.step[0],
                         .order = ChannelOrder::kBgr};
  if (!sample.all()) return CopySample(pixels, sample);
  auto owner = std::make_shared<cv::Mat>(decoded);
  return PixelBuffer{.data = std::shared_ptr<uint8_t[]>(owner, owner->data),
                     .width = pixels.width,
                     .height = pixels.height,
                     .order = pixels.order};
}

// 16-bit samples to 8-bit ones, in place.
void KeepHighBytes(cv::Mat& decoded) {
  const int samples = decoded.cols * decoded.channels();
  for (int y = 0; y < decoded.rows; ++y) {
    const uint16_t* const wide = decoded.ptr<uint16_t>(y);
    uint8_t* const narrow = decoded.ptr<uint8_t>(y);
    for (int i = 0; i < samples; ++i) narrow[i] = static_cast<uint8_t>(wide[i] >> 8);
  }
}

absl::StatusOr<PixelBuffer> Decode(Bytes bytes, const ImageHeader& header, const Sample& sample) {
  ZeroingAllocator allocator;
  cv::Mat decoded;
  decoded.allocator = &allocator;
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                        const_cast<uint8_t*>(bytes.data()));
  const bool transparent = header.transparency != Transparency::kNone;
  cv::imdecode(
      encoded,
      transparent ? cv::IMREAD_UNCHANGED : cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION,
      &decoded);
  decoded.allocator = nullptr;
  // OpenCV takes other memory when ours fails; that is not zeroed.
  const bool ours = !decoded.empty() && decoded.data == allocator.given();
  if (!ours || decoded.cols != header.width || decoded.rows != header.height) {
    return CorruptImage("the picture's data cannot be decoded");
  }
  switch (decoded.type()) {
    case CV_8UC3:
      return Opaque(decoded, sample);
    case CV_16UC4:
      KeepHighBytes(decoded);
      [[fallthrough]];
    case CV_8UC4:
      return CompositeSample({.data = decoded.data,
                              .stride_bytes = decoded.step[0],
                              .order = ChannelOrder::kBgr,
                              .transparency = header.transparency},
                             sample);
    default:
      return CorruptImage("the picture's data cannot be decoded");
  }
}

}  // namespace

absl::StatusOr<PixelBuffer> DecodeByOpenCv(Bytes bytes, const ImageHeader& header,
                                           const Sample& sample) {
  ConfigureOpenCv();
  try {
    return Decode(bytes, header, sample);
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) return NoMemoryToDecode();
  }
  return CorruptImage("the picture's data is not valid");
}

}  // namespace vigie
