// Shortcuts of JPEG decoding that are not taken, and why: what each would do to the photographs.
// A test here fails when its shortcut has become harmless, and docs/decisions/0009 may be revised.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>  // jpeglib.h needs it first
#include <iostream>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

// After <cstdio>.
#include <jpeglib.h>

#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"
#include "tests/support/pictures.h"
#include "tests/support/shared.h"

namespace vigie {
namespace {

using Buffer = std::vector<uint8_t>;
using testing::Picture;

constexpr int kHarmlessBits = 4;  // of drift, at the 99th percentile

class Shortcuts : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = testing::SharedPath("data/photos");
    if (!folder.has_value()) GTEST_SKIP() << "the shared photographs are not here";
    for (const auto& file : testing::FilesBelow(*folder)) {
      Buffer bytes = testing::ReadFile(file);
      if (DetectFormat(bytes) == ImageFormat::kJpeg) photos_.push_back(std::move(bytes));
    }
  }

  std::vector<Buffer> photos_;
};

// The brightness of a sound JPEG at eighths / 8 of its size; with `skip`, only the rows that PDQ's
// sample of 512 reads are decoded, the others left black.
Picture Luma(const Buffer& bytes, unsigned eighths, bool skip) {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_GRAYSCALE;
  info.scale_num = eighths;
  info.scale_denom = 8;
  jpeg_start_decompress(&info);
  Picture picture = testing::Flat(static_cast<int>(info.output_width),
                                  static_cast<int>(info.output_height), 0, ChannelOrder::kGray);
  const JDIMENSION step = skip && info.output_height > 512 ? 512 : info.output_height;
  for (JDIMENSION y = 0; y < step; ++y) {
    const JDIMENSION row = y * info.output_height / step;
    if (row > info.output_scanline) jpeg_skip_scanlines(&info, row - info.output_scanline);
    JSAMPROW out = picture.data.data() + size_t{row} * info.output_width;
    jpeg_read_scanlines(&info, &out, 1);
  }
  jpeg_destroy_decompress(&info);
  return picture;
}

Buffer Enlarged(const Buffer& photo, int factor) {
  cv::Mat pixels = cv::imdecode(photo, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  cv::resize(pixels, pixels, cv::Size(), factor, factor, cv::INTER_CUBIC);
  Buffer bytes;
  cv::imencode(".jpg", pixels, bytes, {cv::IMWRITE_JPEG_QUALITY, 90});
  return bytes;
}

const char* SizeClass(int64_t shorter_side) {
  return shorter_side < 1500 ? "1024 to 1499" : shorter_side < 2500 ? "1500 to 2499" : "2500 on";
}

TEST_F(Shortcuts, DecodingAtAFractionOfTheSizeMovesTooManyBits) {
  std::map<std::string, std::vector<int>> drift;
  PdqScratch scratch;
  const auto measure = [&](const Buffer& bytes, const std::string& source) {
    const auto header = ReadHeader(bytes);
    const int64_t side = std::min(header->width, header->height);
    if (side < 1024) return;
    const auto exact = DecodeImage(bytes, {}, DecodeMode::kExact, Sampling::kPdqReference);
    const PdqResult expected = ComputePdq(exact->pixels, Profile::kReference, scratch);
    for (const unsigned eighths : {6U, 4U, 2U}) {
      if (side * eighths / 8 < 512 || expected.quality < kDefaultMinQuality) continue;
      const Picture scaled = Luma(bytes, eighths, /*skip=*/false);
      const PdqResult got = ComputePdq(scaled.view(), Profile::kReference, scratch);
      drift[source + ", " + std::to_string(eighths) + "/8, shorter side " + SizeClass(side)]
          .push_back(HammingDistance(got.hash, expected.hash));
    }
  };
  for (size_t i = 0; i < photos_.size(); ++i) {
    measure(photos_[i], "as it is");
    const auto header = ReadHeader(photos_[i]);
    if (i % 6 == 0 && std::max(header->width, header->height) <= 640) {
      measure(Enlarged(photos_[i], 4), "enlarged 4 times");
    }
  }
  int worst = 0;
  for (auto& [name, bits] : drift) {
    std::sort(bits.begin(), bits.end());
    const int p99 = bits[bits.size() * 99 / 100];
    worst = std::max(worst, p99);
    std::cout << name << ": " << bits.size() << " pictures, p99 " << p99 << " bits, max "
              << bits.back() << '\n';
  }
  EXPECT_GT(worst, kHarmlessBits);
}

TEST_F(Shortcuts, SkippingRowsInTheLibraryChangesOtherRows) {
  int large = 0;
  int changed = 0;
  for (const Buffer& photo : photos_) {
    const Picture all = Luma(photo, 8, /*skip=*/false);
    if (all.height <= 512) continue;
    ++large;
    const Picture some = Luma(photo, 8, /*skip=*/true);
    for (int y = 0; y < 512; ++y) {
      const uint8_t* const row = all.view().row(y * all.height / 512);
      if (std::equal(row, row + all.width, some.view().row(y * all.height / 512))) continue;
      ++changed;
      break;
    }
  }
  std::cout << "skipping rows changes the rows that are read in " << changed << " of " << large
            << " photographs\n";
  EXPECT_GT(changed, 0);
}

}  // namespace
}  // namespace vigie
