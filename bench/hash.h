// `vigie-bench hash`: what was asked, what was measured, and the measurements.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/pixels.h"
#include "engine/base/types.h"

namespace vigie::bench {

// Pixels to hash and quality, on one instruction set.
struct KernelRow {
  int side = 0;
  ChannelOrder order = ChannelOrder::kGray;
  std::string target;
  double us = 0;             // one hash
  double eight_us = 0;       // the hashes of the 8 orientations
  double definition_us = 0;  // one hash by the definition
};

// Times every target that this machine has on squares of several sizes. Each answer is compared
// with the definition's first; a wrong one is said on stderr, not timed, and sets *all_right to
// false.
std::vector<KernelRow> MeasureKernels(double seconds, bool* all_right);

struct Jpeg {
  std::string name;
  std::vector<uint8_t> bytes;
};

// A decode of the same bytes by libjpeg-turbo and nothing else, rows into one buffer that is used
// again: luma, or colour. False when it cannot be decoded so.
bool DecodeBare(std::span<const uint8_t> jpeg, bool luma, std::vector<uint8_t>* row);

// Bytes to the hashes of 8 orientations, and what it is compared with. Sums over all files, of the
// fastest of some repetitions of each.
struct FilesRow {
  size_t count = 0;
  double decode_us = 0;              // DecodeBare()
  double total_us = 0;               // HashEncoded()
  double hash_us = 0;                // of that, hashing decoded pixels; a single run
  double definition_us = 0;          // the same hashes by the definition
  std::vector<double> images_per_s;  // with 1, 2... threads; all files, once
};

// How many bits the hash of a fast decode differs from that of an exact one.
struct Drift {
  size_t count = 0;  // pictures of usable quality
  size_t identical = 0;
  double mean = 0;
  int p50 = 0;
  int p99 = 0;
  int max = 0;
  size_t featureless = 0;  // the others, whose bits are noise
  int featureless_max = 0;
};

// The JPEG files below `folder` that both decoders take, sorted by name; the others are counted in
// *skipped. Throws std::filesystem::filesystem_error.
std::vector<Jpeg> LoadJpegs(const std::string& folder, size_t* skipped);

FilesRow MeasureFiles(std::span<const Jpeg> files, DecodeMode mode, int repeat, int threads,
                      bool* all_right);
Drift MeasureDrift(std::span<const Jpeg> files);

struct HashReport {
  std::vector<KernelRow> kernel;
  FilesRow fast;
  FilesRow exact;
  Drift drift;
};

void PrintHashTables(const HashReport& report);
// False when the file cannot be written.
bool WriteHashJson(const HashReport& report, const std::string& path);

}  // namespace vigie::bench
