// PNGs, TIFFs and BMPs of all the kinds that exist, for tests of the decoders; OpenCV writes only
// some of them. The samples are arithmetic, the same for the same kind and size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vigie::testing {

struct PngKind {
  std::string name = {};
  int width = 37;
  int height = 29;
  int color_type = 2;  // as in the file: 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 and alpha
  int bits = 8;
  bool interlaced = false;
  bool transparent = false;  // a tRNS chunk, with some of the picture's colours
  bool annotated = false;    // gamma, chromaticities, background, a profile, texts, resolution
};

// Throws std::runtime_error, as the others do.
std::vector<uint8_t> EncodePngKind(const PngKind& kind);

// Every kind of PNG that there is.
std::vector<PngKind> PngKinds();

struct TiffKind {
  std::string name = {};
  int width = 37;
  int height = 29;
  int photometric = 2;  // as in the file: 0, 1 grey, 2 colour, 3 palette, 5 ink, 6 YCbCr, 8 Lab
  int samples = 3;
  int bits = 8;
  int compression = 1;
  int predictor = 1;
  int rows_per_strip = 7;  // 0: not said, which makes one strip
  int tile = 0;            // side of a tile, a multiple of 16; 0: strips
  bool separate = false;
  int extra = 0;        // meaning of the samples that are no colour; 0: not said
  int orientation = 0;  // 0: not said
  int subsampling = 2;  // YCbCr
  bool big_endian = false;
  int fill_order = 1;
  bool without_extra = false;  // no tag for the samples that are no colour
};

std::vector<uint8_t> EncodeTiffKind(const TiffKind& kind);

// The kinds of TIFF that OpenCV reads as its documentation says.
std::vector<TiffKind> TiffKinds();

struct BmpKind {
  std::string name = {};
  int width = 37;
  int height = 29;
  int bits = 24;
  uint32_t compression = 0;
  uint32_t header_size = 40;
  bool from_top = false;
  uint32_t colors = 0;  // in the palette; 0: all, which is not said
  // Red, green, blue, alpha.
  std::vector<uint32_t> masks = {};
};

std::vector<uint8_t> EncodeBmpKind(const BmpKind& kind);

// `runs` as the pixels of a run-length coded bitmap with a palette of all colours.
std::vector<uint8_t> BmpOfRuns(const BmpKind& kind, const std::vector<uint8_t>& runs);

std::vector<BmpKind> BmpKinds();

}  // namespace vigie::testing
