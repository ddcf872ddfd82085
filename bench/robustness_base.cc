#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <utility>

#include "bench/robustness.h"
#include "bench/search.h"

namespace vigie::bench {
namespace {

namespace fs = std::filesystem;

// Their pictures are copies of each other, edited on purpose.
constexpr std::array kNearDuplicateFolders = {"threatexchange", "exif_orientation", "azure_mit"};

constexpr size_t kMostMatches = 1000;

std::vector<uint8_t> ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool HasNearDuplicates(const fs::path& below) {
  return std::any_of(below.begin(), below.end(), [](const fs::path& part) {
    return std::find(kNearDuplicateFolders.begin(), kNearDuplicateFolders.end(), part.string()) !=
           kNearDuplicateFolders.end();
  });
}

std::vector<fs::path> FilesBelow(const std::string& folder) {
  std::vector<fs::path> paths;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  } catch (const fs::filesystem_error& e) {
    throw std::runtime_error(e.what());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Answer Ask(const Pipeline& pipeline, Bytes upload, CheckOptions options) {
  Answer answer;
  options.organisation = kPlatform;
  options.max_matches = kMostMatches;
  options.times = &answer.times;
  const absl::StatusOr<Verdict> verdict = pipeline.CheckImage(upload, options);
  if (!verdict.ok()) throw std::runtime_error(std::string(MessageOf(verdict.status())));
  answer.scanned = verdict->outcome != Outcome::kNotScanned;
  for (const Match& match : verdict->matches) {
    answer.found.push_back(
        {.entry = match.entry,
         .distance = match.distance,
         .inliers = match.local.has_value() ? match.local->inliers : 0,
         .where = match.variant.has_value() ? std::string(Name(match.variant->kind)) : ""});
  }
  return answer;
}

}  // namespace

cv::Mat ReadPicture(const std::string& path) {
  const std::vector<uint8_t> bytes = ReadBytes(path);
  if (bytes.empty()) return {};
  return cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
}

// The time that a check takes depends on who else uses the machine; what it finds shall not.
RobustnessBase::Known::Known(bool local)
    : world(local),
      pipeline(world.catalog(), SystemClock(), PipelineOptions{.thorough_us = 60 * kSecondUs}) {}

RobustnessBase::RobustnessBase(const RobustnessOptions& options) {
  Add(options.photos, /*edited=*/true);
  if (!options.distractors.empty()) Add(options.distractors, /*edited=*/false);
  if (photographs_.empty()) {
    throw std::runtime_error("no picture that has a fingerprint in " + options.photos);
  }
  for (Known* known : {&hashes_, &local_}) {
    if (!known->world.catalog().Maintain().ok()) {
      throw std::runtime_error("index maintenance failed");
    }
  }
  Random random(options.seed);
  for (size_t i = photographs_.size(); i > 1; --i) {
    std::swap(photographs_[i - 1], photographs_[random.Below(i)]);
  }
}

void RobustnessBase::Add(const std::string& folder, bool edited) {
  for (const fs::path& path : FilesBelow(folder)) {
    // The same folder may be named twice.
    if (!seen_.insert(fs::weakly_canonical(path).string()).second) continue;
    const fs::path below = fs::relative(path, folder);
    Photograph photograph{.path = path.string(),
                          .name = below.string(),
                          .near_duplicates = HasNearDuplicates(below),
                          .entry = 0};
    NewEntry entry;
    auto submission = local_.pipeline.Hash(ReadBytes(photograph.path), Profile::kReference,
                                           /*local=*/true);
    if (!submission.ok()) {
      ++skipped_;
      continue;
    }
    // The first is a PDQ.
    entry.fingerprints.push_back(std::move(submission->fingerprints.front()));
    UploadResult result;
    for (Known* known : {&hashes_, &local_}) {
      if (known == &local_) entry.local = std::move(submission->local);
      const auto outcome = known->world.Upload(std::span(&entry, 1));
      if (!outcome.ok()) throw std::runtime_error(std::string(MessageOf(outcome.status())));
      result = outcome->results.front();
    }
    if (!result.status.ok()) {  // featureless
      ++skipped_;
      continue;
    }
    photograph.entry = result.entry.number;
    by_entry_.try_emplace(photograph.entry, photograph);
    if (edited) photographs_.push_back(std::move(photograph));
    if (seen_.size() % 100 == 0) Progress(std::to_string(seen_.size()) + " photographs read");
  }
}

std::vector<Tier> RobustnessBase::Tiers() const {
  const auto tier = [](const char* name, const Known& known, Effort effort) {
    return Tier{.name = name, .ask = [&known, effort](Bytes upload) {
                  CheckOptions options;
                  options.effort = effort;
                  return Ask(known.pipeline, upload, options);
                }};
  };
  return {tier("FAST", hashes_, Effort::kFast), tier("PARTS", hashes_, Effort::kThorough),
          tier("LOCAL", local_, Effort::kThorough)};
}

}  // namespace vigie::bench
