#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>

#include "bench/hash.h"
#include "engine/base/digest.h"
#include "engine/base/fingerprint.h"
#include "engine/hash/pdq.h"
#include "engine/hash/pdq_definition.h"
#include "engine/image/decoder.h"
#include "engine/match/image_hasher.h"

namespace vigie::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double kNever = std::numeric_limits<double>::infinity();

absl::StatusOr<DecodedImage> Decode(const Jpeg& jpeg, DecodeMode mode) {
  return DecodeImage(jpeg.bytes, DecodeLimits{}, mode, Sampling::kPdqReference);
}

double MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// The fastest of some repetitions of one file.
struct FileTimes {
  double decode_us = kNever;
  double total_us = kNever;
  double hash_us = kNever;
  double definition_us = kNever;
};

// Bytes to hashes, as an upload comes to them.
absl::StatusOr<PdqOrientations> Hash(const Jpeg& jpeg, DecodeMode mode, PdqScratch& scratch) {
  HashOptions options;
  options.mode = mode;
  HashedImage image;
  VIGIE_ASSIGN_OR_RETURN(image, HashEncoded(jpeg.bytes, options, scratch));
  return image.frames.front().pdq;
}

bool SameHashes(const PdqOrientations& a, const PdqOrientations& b) {
  return a.hashes == b.hashes && a.quality == b.quality;
}

// Also times the two ways to hash decoded pixels.
bool IsRight(const Jpeg& jpeg, DecodeMode mode, PdqScratch& scratch, definition::Scratch& plain,
             FileTimes* times) {
  const auto got = Hash(jpeg, mode, scratch);
  // A fast decode near the quality floor is decoded again, exactly.
  for (const DecodeMode decoded : {mode, DecodeMode::kExact}) {
    const auto image = Decode(jpeg, decoded);
    if (!image.ok() || !got.ok()) return false;
    auto start = Clock::now();
    const auto ours = ComputePdqOrientations(image->pixels, Profile::kReference, scratch);
    times->hash_us = MicrosecondsSince(start);
    start = Clock::now();
    const auto expected =
        definition::ComputePdqOrientations(image->pixels, Profile::kReference, plain);
    times->definition_us = MicrosecondsSince(start);
    if (!SameHashes(ours, expected)) return false;
    if (SameHashes(*got, expected)) return true;
  }
  return false;
}

double ImagesPerSecond(std::span<const Jpeg> files, DecodeMode mode, int threads) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    PdqScratch scratch;
    for (size_t i = next++; i < files.size(); i = next++)
      Hash(files[i], mode, scratch).status().IgnoreError();
  };
  const auto start = Clock::now();
  std::vector<std::jthread> workers;
  for (int t = 0; t < threads; ++t) workers.emplace_back(work);
  workers.clear();  // joins
  return static_cast<double>(files.size()) / MicrosecondsSince(start) * 1e6;
}

}  // namespace

std::vector<Jpeg> LoadJpegs(const std::string& folder, size_t* skipped) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Jpeg> files;
  std::vector<uint8_t> row;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    Jpeg jpeg{.name = path.string(), .bytes = {std::istreambuf_iterator<char>(in), {}}};
    const bool is_jpeg = jpeg.bytes.size() > 2 && jpeg.bytes[0] == 0xFF && jpeg.bytes[1] == 0xD8;
    if (is_jpeg && DecodeBare(jpeg.bytes, /*luma=*/true, &row) &&
        DecodeBare(jpeg.bytes, /*luma=*/false, &row) && Decode(jpeg, DecodeMode::kFast).ok() &&
        Decode(jpeg, DecodeMode::kExact).ok()) {
      files.push_back(std::move(jpeg));
    } else {
      ++*skipped;
    }
  }
  return files;
}

FilesRow MeasureFiles(std::span<const Jpeg> files, DecodeMode mode, int repeat, int threads,
                      bool* all_right) {
  FilesRow sum{};
  PdqScratch scratch;
  definition::Scratch plain;
  std::vector<uint8_t> row;
  for (const Jpeg& jpeg : files) {
    FileTimes times;
    if (!IsRight(jpeg, mode, scratch, plain, &times)) {
      std::fprintf(stderr, "vigie-bench: %s: other bits than the definition; not timed\n",
                   jpeg.name.c_str());
      *all_right = false;
      continue;
    }
    for (int i = 0; i < repeat; ++i) {
      auto start = Clock::now();
      DecodeBare(jpeg.bytes, mode == DecodeMode::kFast, &row);
      times.decode_us = std::min(times.decode_us, MicrosecondsSince(start));
      start = Clock::now();
      Hash(jpeg, mode, scratch).status().IgnoreError();
      times.total_us = std::min(times.total_us, MicrosecondsSince(start));
    }
    ++sum.count;
    sum.decode_us += times.decode_us;
    sum.total_us += times.total_us;
    sum.hash_us += times.hash_us;
    sum.definition_us += times.definition_us;
    if (sum.count % 100 == 0) {
      std::fprintf(stderr, "vigie-bench: %s decode, %zu of %zu files\n",
                   std::string(Name(mode)).c_str(), sum.count, files.size());
    }
  }
  for (int t = 1; t <= threads; ++t) sum.images_per_s.push_back(ImagesPerSecond(files, mode, t));
  return sum;
}

Drift MeasureDrift(std::span<const Jpeg> files) {
  Drift drift;
  PdqScratch scratch;
  std::vector<int> distances;
  for (const Jpeg& jpeg : files) {
    const auto fast = Hash(jpeg, DecodeMode::kFast, scratch);
    const auto exact = Hash(jpeg, DecodeMode::kExact, scratch);
    if (!fast.ok() || !exact.ok()) continue;
    const int distance = HammingDistance(fast->hashes[0], exact->hashes[0]);
    if (exact->quality >= kDefaultMinQuality) {
      distances.push_back(distance);
      drift.mean += distance;
    } else {
      ++drift.featureless;
      drift.featureless_max = std::max(drift.featureless_max, distance);
    }
  }
  drift.count = distances.size();
  if (distances.empty()) return drift;
  std::sort(distances.begin(), distances.end());
  drift.mean /= static_cast<double>(drift.count);
  drift.identical = static_cast<size_t>(std::upper_bound(distances.begin(), distances.end(), 0) -
                                        distances.begin());
  drift.p50 = distances[drift.count / 2];
  drift.p99 = distances[drift.count * 99 / 100];
  drift.max = distances.back();
  return drift;
}

}  // namespace vigie::bench
