#include "tests/support/jpeg_encoder.h"

#include <algorithm>
#include <cstdio>  // jpeglib.h needs it first
#include <cstdlib>
#include <stdexcept>

// After <cstdio>.
#include <jpeglib.h>

namespace vigie::testing {
namespace {

void Throw(j_common_ptr) { throw std::runtime_error("libjpeg cannot write this picture"); }

J_COLOR_SPACE SpaceOf(JpegColors colors) {
  switch (colors) {
    case JpegColors::kGray:
      return JCS_GRAYSCALE;
    case JpegColors::kYcc:
      return JCS_YCbCr;
    case JpegColors::kRgb:
      return JCS_RGB;
    case JpegColors::kCmyk:
      return JCS_CMYK;
    case JpegColors::kYcck:
      return JCS_YCCK;
  }
  return JCS_UNKNOWN;
}

bool IsInk(JpegColors colors) { return colors == JpegColors::kCmyk || colors == JpegColors::kYcck; }

// One row of `picture` in ink, inverted.
std::vector<uint8_t> InkRow(const Picture& picture, int y) {
  std::vector<uint8_t> ink;
  const uint8_t* bgr = picture.view().row(y);
  for (int x = 0; x < picture.width; ++x, bgr += 3) {
    const int black = std::max({bgr[0], bgr[1], bgr[2], uint8_t{1}});
    for (const int c : {2, 1, 0}) ink.push_back(static_cast<uint8_t>(bgr[c] * 255 / black));
    ink.push_back(static_cast<uint8_t>(black));
  }
  return ink;
}

void Configure(jpeg_compress_struct& info, const JpegOptions& options) {
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, SpaceOf(options.colors));
  jpeg_set_quality(&info, options.quality, TRUE);
  for (int i = 0; i < info.num_components; ++i) {
    const bool full = i == 0 || i == 3;  // brightness and black
    info.comp_info[i].h_samp_factor = full ? options.horizontal : 1;
    info.comp_info[i].v_samp_factor = full ? options.vertical : 1;
  }
  info.restart_interval = static_cast<unsigned>(options.restart_interval);
  info.arith_code = options.arithmetic ? TRUE : FALSE;
  info.write_Adobe_marker = IsInk(options.colors) || options.colors == JpegColors::kRgb;
  if (options.progressive) jpeg_simple_progression(&info);
}

}  // namespace

std::vector<uint8_t> EncodeJpeg(const Picture& picture, const JpegOptions& options) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  errors.error_exit = Throw;
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = static_cast<JDIMENSION>(picture.width);
  info.image_height = static_cast<JDIMENSION>(picture.height);
  info.input_components = IsInk(options.colors) ? 4 : 3;
  info.in_color_space = IsInk(options.colors) ? JCS_CMYK : JCS_EXT_BGR;
  Configure(info, options);
  jpeg_scan_info scans[4] = {};
  if (options.separate_scans) {
    for (int i = 0; i < info.num_components; ++i) {
      scans[i].comps_in_scan = 1;
      scans[i].component_index[0] = i;
      scans[i].Se = DCTSIZE2 - 1;
    }
    info.scan_info = scans;
    info.num_scans = info.num_components;
  }
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < picture.height; ++y) {
    const uint8_t* const bgr = picture.view().row(y);
    std::vector<uint8_t> row(bgr, bgr + picture.view().stride_bytes);
    if (IsInk(options.colors)) row = InkRow(picture, y);
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::vector<uint8_t> bytes(data, data + size);
  std::free(data);
  return bytes;
}

}  // namespace vigie::testing
