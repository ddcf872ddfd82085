#include "tests/support/animations.h"

#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace vigie::testing {
namespace {

constexpr int kCodeBits = 8;  // of the palette
constexpr int kClear = 1 << kCodeBits;
constexpr int kEnd = kClear + 1;
constexpr int kCodes = 4096;

// The variable-length codes of GIF's LZW.
class LzwWriter {
 public:
  std::vector<uint8_t> Compress(const std::vector<uint8_t>& indices, bool end) {
    Put(kClear);
    int prefix = -1;
    for (const uint8_t index : indices) {
      const auto known = codes_.find({prefix, index});
      if (prefix < 0) {
        prefix = index;
      } else if (known != codes_.end()) {
        prefix = known->second;
      } else {
        Put(prefix);
        Learn(prefix, index);
        prefix = index;
      }
    }
    if (prefix >= 0) Put(prefix);
    if (end) Put(kEnd);
    if (bits_ > 0) bytes_.push_back(static_cast<uint8_t>(pending_));
    return std::move(bytes_);
  }

 private:
  void Put(int code) {
    pending_ |= static_cast<uint32_t>(code) << bits_;
    for (bits_ += width_; bits_ >= 8; bits_ -= 8, pending_ >>= 8) {
      bytes_.push_back(static_cast<uint8_t>(pending_));
    }
  }
  void Learn(int prefix, int index) {
    if (next_ == kCodes - 1) {
      Put(kClear);
      codes_.clear();
      next_ = kEnd + 1;
      width_ = kCodeBits + 1;
      return;
    }
    codes_[{prefix, index}] = next_;
    if (next_++ == 1 << width_) ++width_;
  }

  std::map<std::pair<int, int>, int> codes_;
  std::vector<uint8_t> bytes_;
  uint32_t pending_ = 0;
  int bits_ = 0;
  int width_ = kCodeBits + 1;
  int next_ = kEnd + 1;
};

// What a descriptor says of the palette that follows it.
int PaletteFlags(const std::vector<uint8_t>& palette) {
  if (palette.empty()) return 0;
  return 0x80 | (static_cast<int>(std::bit_width(palette.size() / 3)) - 2);
}

// The indices in the order in which an interlaced frame stores them.
std::vector<uint8_t> Interlace(const GifFrame& frame) {
  std::vector<uint8_t> stored;
  for (const auto& [first, step] : {std::pair(0, 8), {4, 8}, {2, 4}, {1, 2}}) {
    for (int y = first; y < frame.height; y += step) {
      const auto row = frame.indices.begin() + y * frame.width;
      stored.insert(stored.end(), row, row + frame.width);
    }
  }
  return stored;
}

}  // namespace

GifWriter::GifWriter(int width, int height, const std::vector<uint8_t>& palette) {
  constexpr std::string_view kSignature = "GIF89a";
  bytes_.assign(kSignature.begin(), kSignature.end());
  Put16(width);
  Put16(height);
  bytes_.insert(bytes_.end(), {static_cast<uint8_t>(0x70 | PaletteFlags(palette)), 0, 0});
  bytes_.insert(bytes_.end(), palette.begin(), palette.end());
}

void GifWriter::Put16(int value) {
  bytes_.push_back(static_cast<uint8_t>(value));
  bytes_.push_back(static_cast<uint8_t>(value >> 8));
}

void GifWriter::Add(const GifFrame& frame) {
  bytes_.insert(bytes_.end(), {0x21, 0xF9, 4});
  bytes_.push_back(static_cast<uint8_t>(frame.disposal << 2 | (frame.transparent >= 0 ? 1 : 0)));
  Put16(frame.delay);
  bytes_.push_back(static_cast<uint8_t>(std::max(frame.transparent, 0)));
  bytes_.insert(bytes_.end(), {0, 0x2C});
  for (const int value : {frame.left, frame.top, frame.width, frame.height}) Put16(value);
  bytes_.push_back(
      static_cast<uint8_t>(PaletteFlags(frame.palette) | (frame.interlaced ? 0x40 : 0)));
  bytes_.insert(bytes_.end(), frame.palette.begin(), frame.palette.end());
  bytes_.push_back(kCodeBits);
  const bool whole =
      frame.indices.size() == static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height);
  const std::vector<uint8_t> data =
      LzwWriter().Compress(frame.interlaced ? Interlace(frame) : frame.indices, whole);
  for (size_t at = 0; at < data.size(); at += 255) {
    const size_t size = std::min<size_t>(255, data.size() - at);
    bytes_.push_back(static_cast<uint8_t>(size));
    const auto block = data.begin() + static_cast<ptrdiff_t>(at);
    bytes_.insert(bytes_.end(), block, block + static_cast<ptrdiff_t>(size));
  }
  bytes_.push_back(0);
}

std::vector<uint8_t> GifWriter::Finish(bool trailer) {
  if (trailer) bytes_.push_back(0x3B);
  return bytes_;
}

std::vector<uint8_t> GrayPalette() {
  std::vector<uint8_t> palette;
  for (int i = 0; i < 256; ++i) palette.insert(palette.end(), 3, static_cast<uint8_t>(i));
  return palette;
}

GifFrame FrameOf(const Picture& gray) {
  GifFrame frame;
  frame.width = gray.width;
  frame.height = gray.height;
  frame.indices = gray.data;
  frame.delay = 10;
  return frame;
}

std::vector<uint8_t> EncodeGif(const std::vector<Picture>& pictures) {
  GifWriter writer(pictures.at(0).width, pictures.at(0).height, GrayPalette());
  for (const Picture& picture : pictures) writer.Add(FrameOf(picture));
  return writer.Finish();
}

std::vector<uint8_t> EncodeAnimatedWebp(const std::vector<Picture>& pictures) {
  const std::unique_ptr<WebPAnimEncoder, decltype(&WebPAnimEncoderDelete)> encoder(
      WebPAnimEncoderNew(pictures.at(0).width, pictures.at(0).height, nullptr),
      WebPAnimEncoderDelete);
  WebPConfig config;
  WebPConfigInit(&config);
  config.lossless = 1;
  config.quality = 0;  // fast
  config.method = 0;
  int time_ms = 0;
  bool fine = encoder != nullptr;
  for (const Picture& picture : pictures) {
    WebPPicture frame;
    WebPPictureInit(&frame);
    frame.use_argb = 1;
    frame.width = picture.width;
    frame.height = picture.height;
    fine = fine && WebPPictureImportBGR(&frame, picture.data.data(), 3 * picture.width) != 0 &&
           WebPAnimEncoderAdd(encoder.get(), &frame, time_ms, &config) != 0;
    WebPPictureFree(&frame);
    time_ms += 100;
  }
  WebPData data;
  WebPDataInit(&data);
  fine = fine && WebPAnimEncoderAdd(encoder.get(), nullptr, time_ms, nullptr) != 0 &&
         WebPAnimEncoderAssemble(encoder.get(), &data) != 0;
  std::vector<uint8_t> bytes(data.bytes, data.bytes + data.size);
  WebPDataClear(&data);
  if (!fine) throw std::runtime_error("libwebp cannot write this animation");
  return bytes;
}

}  // namespace vigie::testing
