#include "engine/image/decoder.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

// The widest and highest picture that OpenCV accepts.
constexpr int64_t kMaxSide = int64_t{1} << 20;

// A progressive JPEG costs its pixels once per scan. Real ones have about 10 scans; the largest
// allowed picture may have this many, a smaller one more.
constexpr int64_t kScansOfLargest = 16;

absl::Status TooLarge(absl::string_view what, int64_t value, int64_t limit) {
  return Error(absl::StatusCode::kInvalidArgument, "IMAGE_TOO_LARGE",
               ToStd(absl::StrCat("the picture has ", value, " ", what, ", the limit is ", limit)));
}

absl::Status CheckLimits(const ImageHeader& header, const DecodeLimits& limits) {
  for (const int64_t side : {header.width, header.height}) {
    if (side > kMaxSide) return TooLarge("pixels along one side", side, kMaxSide);
  }
  const int64_t pixels = header.width * header.height;
  if (pixels > limits.max_pixels) return TooLarge("pixels", pixels, limits.max_pixels);
  if (header.block_pixels > limits.max_pixels) {
    return TooLarge("pixels in one tile", header.block_pixels, limits.max_pixels);
  }
  const int64_t max_scans = kScansOfLargest * (limits.max_pixels / pixels);
  if (header.scans > max_scans) return TooLarge("JPEG scans", header.scans, max_scans);
  return absl::OkStatus();
}

// OpenCV's process-wide settings, once: no pool of threads, nothing written to the error output.
void ConfigureOpenCv() {
  static const bool configured = [] {
    cv::setNumThreads(1);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    return true;
  }();
  static_cast<void>(configured);
}

// Whether the decoder gives anything of a picture whose data stops. For the other formats it works
// up to the gap and then refuses, complaining on the error output.
bool DecodesInPart(ImageFormat format) {
  return format == ImageFormat::kJpeg || format == ImageFormat::kTiff;
}

// OpenCV gives nothing at all of a JPEG whose data stops. With an end marker libjpeg decodes what
// is there and fills up with grey, always the same, so that a cut copy can still be recognised.
std::vector<uint8_t> WithEndMarker(Bytes bytes, size_t data_end) {
  std::vector<uint8_t> closed(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(data_end));
  closed.push_back(0xFF);
  closed.push_back(0xD9);
  return closed;
}

// Other decoders of OpenCV look at their own magic when libwebp refuses a file; this one's may
// stand inside a WebP.
bool LooksLikeDicom(Bytes bytes) {
  constexpr std::string_view kMagic = "DICM";
  return bytes.size() >= 132 && std::equal(kMagic.begin(), kMagic.end(), bytes.begin() + 128);
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

absl::StatusOr<DecodedImage> Decode(Bytes bytes, const ImageHeader& header, bool gray) {
  const int flags =
      (gray ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR) | cv::IMREAD_IGNORE_ORIENTATION;
  ZeroingAllocator allocator;
  cv::Mat decoded;
  decoded.allocator = &allocator;
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                        const_cast<uint8_t*>(bytes.data()));
  cv::imdecode(encoded, flags, &decoded);
  decoded.allocator = nullptr;
  // OpenCV takes other memory when ours fails; that is not zeroed.
  const bool ours = !decoded.empty() && decoded.data == allocator.given();
  if (!ours || decoded.type() != (gray ? CV_8UC1 : CV_8UC3) || decoded.cols != header.width ||
      decoded.rows != header.height) {
    return CorruptImage("the picture's data cannot be decoded");
  }
  auto owner = std::make_shared<const cv::Mat>(decoded);
  return DecodedImage{.pixels = {.data = owner->data,
                                 .width = owner->cols,
                                 .height = owner->rows,
                                 .stride_bytes = owner->step[0],
                                 .order = gray ? ChannelOrder::kGray : ChannelOrder::kBgr},
                      .format = header.format,
                      .complete = header.complete,
                      .owner = owner};
}

}  // namespace

absl::StatusOr<DecodedImage> DecodeImage(Bytes bytes, const DecodeLimits& limits, DecodeMode mode) {
  if (bytes.size() > limits.max_image_bytes) {
    return TooLarge("bytes", static_cast<int64_t>(bytes.size()),
                    static_cast<int64_t>(limits.max_image_bytes));
  }
  VIGIE_ASSIGN_OR_RETURN(const ImageHeader header, ReadHeader(bytes));
  if (header.animated) return UnsupportedImage("animation is not supported yet");
  VIGIE_RETURN_IF_ERROR(CheckLimits(header, limits));
  if (header.format == ImageFormat::kWebp && LooksLikeDicom(bytes)) {
    return CorruptImage("the WebP holds another format");
  }
  if (!header.complete && !DecodesInPart(header.format)) {
    return CorruptImage("the picture's data is not complete");
  }
  try {
    ConfigureOpenCv();
    std::vector<uint8_t> closed;
    if (header.format == ImageFormat::kJpeg && !header.complete) {
      closed = WithEndMarker(bytes, header.data_end);
      bytes = closed;
    }
    const bool gray = mode == DecodeMode::kFast && header.format == ImageFormat::kJpeg;
    return Decode(bytes, header, gray);
  } catch (const cv::Exception& error) {
    if (error.code != cv::Error::StsNoMem) return CorruptImage("the picture's data is not valid");
  } catch (const std::bad_alloc&) {
  }
  return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
               "not enough memory to decode the picture; try again later");
}

}  // namespace vigie
