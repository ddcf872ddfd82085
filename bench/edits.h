// What people do to a picture before they post it again: one table of edits, all deterministic.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace vigie::bench {

// What an edit is made of. All pictures: 8 bits, 3 channels BGR, not empty.
struct Material {
  cv::Mat picture;
  // Other pictures, for collages and scenes; where they do not suffice, scenes are generated.
  std::span<const cv::Mat> others = {};
  // Decides what is left to chance: noise, places, text.
  uint64_t seed = 0;
};

struct Edit {
  std::string_view name;  // in file names and tables: a-z, 0-9, '-'
  std::string_view kind;  // edits of one kind stand together
  std::string_view what;  // a phrase for people
  // The edited picture, 8 bits, BGR. Pure: the material keeps its pixels, the result may share
  // them.
  cv::Mat (*apply)(const Material&);
  int jpeg_quality;     // of the copy as it is posted, 1 to 100
  bool others = false;  // it shows some of Material::others as well
};

// All edits, in the order of tables.
std::span<const Edit> Edits();

// nullptr for an unknown name.
const Edit* FindEdit(std::string_view name);

// The edited copy as it would be posted: a JPEG file. Throws cv::Exception.
std::vector<uint8_t> EditedJpeg(const Material& material, const Edit& edit);

}  // namespace vigie::bench
