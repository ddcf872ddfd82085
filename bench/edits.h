// What people do to a picture before they post it again: one table of edits, all deterministic.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace vigie::bench {

struct Edit {
  std::string_view name;  // in file names and tables: a-z, 0-9, '-'
  std::string_view what;  // a phrase for people
  // The edited picture: 8 bits, 3 channels BGR, as the argument. Pure: the argument keeps its
  // pixels, the result may share them.
  cv::Mat (*apply)(const cv::Mat&);
  int jpeg_quality;  // of the copy as it is posted, 1 to 100
};

// All edits, in the order of tables.
std::span<const Edit> Edits();

// nullptr for an unknown name.
const Edit* FindEdit(std::string_view name);

// The edited copy of `picture` (8 bits, BGR, not empty) as it would be posted: a JPEG file. Throws
// cv::Exception.
std::vector<uint8_t> EditedJpeg(const cv::Mat& picture, const Edit& edit);

}  // namespace vigie::bench
