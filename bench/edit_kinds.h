// The edits by kind, one file each, and what they share.
#pragma once

#include <opencv2/core.hpp>
#include <span>

#include "bench/edits.h"

namespace vigie::bench {

// As messengers post pictures.
inline constexpr int kPostedQuality = 80;

std::span<const Edit> CopyEdits();     // edits_copy.cc: recompressed, resized, turned
std::span<const Edit> ToneEdits();     // edits_tone.cc: blur, noise, light, colour
std::span<const Edit> StampEdits();    // edits_stamp.cc: text, emoji, bars, watermarks
std::span<const Edit> CropEdits();     // edits_crop.cc: crops, rotations, perspective
std::span<const Edit> FrameEdits();    // edits_frame.cc: borders, letterboxes, meme bands
std::span<const Edit> ScreenEdits();   // edits_screen.cc: screenshots
std::span<const Edit> CollageEdits();  // edits_collage.cc
std::span<const Edit> LocalEdits();    // edits_local.cc: parts redrawn, replaced, cut out

// Shares of a length, in pixels: at least 1.
int Percent(int length, double percent);
int ShortSide(const cv::Mat& picture);
cv::Mat Scaled(const cv::Mat& picture, double factor);
cv::Mat ScaledTo(const cv::Mat& picture, cv::Size size);
// The middle of `picture`, scaled so that it fills `size`.
cv::Mat Filling(const cv::Mat& picture, cv::Size size);
// Material::others[number], or a generated scene of smooth shapes, filling `size`.
cv::Mat Other(const Material& material, size_t number, cv::Size size);
cv::Mat Scene(cv::Size size, uint64_t seed);
// Pastes `picture`, which may reach beyond the edges of `canvas`.
void Paste(const cv::Mat& picture, cv::Point at, cv::Mat* canvas);
// A line of made-up words, its baseline at `at`, of about `width` pixels and letters `height` high.
void WriteLine(cv::Mat* canvas, cv::Point at, int width, int height, const cv::Scalar& colour,
               uint64_t seed);

}  // namespace vigie::bench
