// What OpenCV makes of a picture, which is the truth that decoders of our own are held to.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "engine/image/decoder.h"
#include "engine/image/format.h"

namespace vigie::testing {

// libtiff 4.5 reads tiles that are not compressed from a file and not from memory that is not
// mapped, which is how OpenCV gives it.
inline cv::Mat DecodeFromFile(const std::vector<uint8_t>& bytes, int flags) {
  const std::string path = ::testing::TempDir() + "vigie-" + std::to_string(getpid()) + ".tiff";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const cv::Mat decoded = cv::imread(path, flags);
  std::remove(path.c_str());
  return decoded;
}

// The colour decode of `bytes`, transparency composited on white where our header parser sees some;
// empty when OpenCV refuses them. `masked`: a BMP with masks, which the colour decode ignores.
inline cv::Mat OpenCvPixels(const std::vector<uint8_t>& bytes, bool masked = false) {
  const Transparency transparency = ReadHeader(bytes)->transparency;
  const int flags = transparency == Transparency::kNone && !masked
                        ? cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION
                        : cv::IMREAD_UNCHANGED;
  cv::Mat decoded = cv::imdecode(bytes, flags);
  if (decoded.empty() && bytes[0] != 'B') decoded = DecodeFromFile(bytes, flags);
  if (decoded.channels() != 4) return decoded;
  cv::Mat opaque(decoded.rows, decoded.cols, CV_8UC3);
  for (int y = 0; y < decoded.rows; ++y) {
    for (int x = 0; x < decoded.cols; ++x) {
      cv::Vec4b pixel;
      if (decoded.depth() == CV_16U) {
        for (int c = 0; c < 4; ++c) {
          pixel[c] = static_cast<uint8_t>(decoded.at<cv::Vec4w>(y, x)[c] >> 8);
        }
      } else {
        pixel = decoded.at<cv::Vec4b>(y, x);
      }
      for (int c = 0; c < 3; ++c) {
        const int white = 255 * (255 - pixel[3]);
        const int on_white =
            transparency == Transparency::kStraight ? (pixel[c] * pixel[3] + white + 127) / 255
            : transparency == Transparency::kPremultiplied ? std::min(255, pixel[c] + white / 255)
                                                           : pixel[c];
        opaque.at<cv::Vec3b>(y, x)[c] = static_cast<uint8_t>(on_white);
      }
    }
  }
  return opaque;
}

// The 512x512 pixels that Sampling::kPdqReference keeps of a picture with a side above 512.
inline cv::Mat Sampled(const cv::Mat& picture) {
  if (picture.cols <= 512 && picture.rows <= 512) return picture;
  cv::Mat sample(512, 512, CV_8UC3);
  for (int y = 0; y < 512; ++y) {
    for (int x = 0; x < 512; ++x) {
      sample.at<cv::Vec3b>(y, x) =
          picture.at<cv::Vec3b>(y * picture.rows / 512, x * picture.cols / 512);
    }
  }
  return sample;
}

// Empty when the pixels are the same, otherwise where they differ first.
inline std::string Difference(const PixelView& pixels, const cv::Mat& expected) {
  if (pixels.order != ChannelOrder::kBgr || pixels.width != expected.cols ||
      pixels.height != expected.rows || expected.type() != CV_8UC3) {
    return "other sizes";
  }
  for (int y = 0; y < pixels.height; ++y) {
    for (int i = 0; i < 3 * pixels.width; ++i) {
      const int ours = pixels.row(y)[i];
      const int theirs = expected.ptr(y)[i];
      if (ours == theirs) continue;
      return "row " + std::to_string(y) + ", sample " + std::to_string(i) + ": " +
             std::to_string(ours) + " where OpenCV has " + std::to_string(theirs);
    }
  }
  return "";
}

// Both samplings of `bytes` against OpenCV; empty when all is the same.
inline std::string DifferenceFromOpenCv(const std::vector<uint8_t>& bytes, bool masked = false) {
  const cv::Mat expected = OpenCvPixels(bytes, masked);
  if (expected.empty()) return "OpenCV refuses it";
  for (const Sampling sampling : {Sampling::kAllPixels, Sampling::kPdqReference}) {
    const auto image = DecodeImage(bytes, {}, DecodeMode::kExact, sampling);
    if (!image.ok()) return image.status().ToString();
    if (!image->complete) return "in part";
    std::string difference =
        Difference(image->pixels, sampling == Sampling::kAllPixels ? expected : Sampled(expected));
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace vigie::testing
