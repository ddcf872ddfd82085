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

absl::StatusOr<PixelBuffer> Decode(Bytes bytes, const ImageHeader& header, const Sample& sample) {
  ZeroingAllocator allocator;
  cv::Mat decoded;
  decoded.allocator = &allocator;
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                        const_cast<uint8_t*>(bytes.data()));
  cv::imdecode(encoded, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION, &decoded);
  decoded.allocator = nullptr;
  // OpenCV takes other memory when ours fails; that is not zeroed.
  const bool ours = !decoded.empty() && decoded.data == allocator.given();
  if (!ours || decoded.type() != CV_8UC3 || decoded.cols != header.width ||
      decoded.rows != header.height) {
    return CorruptImage("the picture's data cannot be decoded");
  }
  const PixelView pixels{.data = decoded.data,
                         .width = decoded.cols,
                         .height = decoded.rows,
                         .stride_bytes = decoded.step[0],
                         .order = ChannelOrder::kBgr};
  if (!sample.all()) return CopySample(pixels, sample);
  // The matrix lives as long as somebody looks at its pixels.
  auto owner = std::make_shared<cv::Mat>(decoded);
  return PixelBuffer{.data = std::shared_ptr<uint8_t[]>(owner, owner->data),
                     .width = pixels.width,
                     .height = pixels.height,
                     .order = pixels.order};
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
