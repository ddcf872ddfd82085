// vigie-bench local: extraction, false matches, recall, checks against many pictures, memory.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <utility>

#include "bench/bench.h"
#include "bench/local.h"
#include "engine/local/extract.h"

namespace vigie::bench {
namespace {

namespace fs = std::filesystem;

struct LocalFlags {
  std::string photos;
  std::string json;
  std::vector<std::string> parts;
  size_t base = 100'000;
  size_t step = 5;
  size_t repeat = 3;
  size_t known = kKnownKeypoints;
  size_t upload = kUploadKeypoints;
  std::vector<std::string> edits;
};

// Folders whose photos are copies of each other on purpose.
constexpr std::array<std::string_view, 3> kRelated = {"threatexchange", "exif_orientation",
                                                      "azure_mit"};

std::vector<fs::path> FilesBelow(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (file.is_regular_file()) files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

cv::Mat ReadPixels(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) return {};
  return cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
}

LocalFingerprint ExtractTimed(const LocalFlags& options, const PixelView& view, Times* fastest) {
  Times times;
  LocalFingerprint upload;
  for (size_t i = 0; i < options.repeat; ++i) {
    const Stopwatch extraction;
    upload = ExtractLocal(view, options.upload);
    extraction.AddTo(&times);
  }
  fastest->wall_ms.push_back(*std::min_element(times.wall_ms.begin(), times.wall_ms.end()));
  fastest->thread_ms.push_back(*std::min_element(times.thread_ms.begin(), times.thread_ms.end()));
  return upload;
}

std::vector<Photo> LoadPhotos(const LocalFlags& options, nlohmann::json* report) {
  std::vector<Photo> photos;
  Times times;
  size_t keypoints = 0;
  for (const fs::path& path : FilesBelow(options.photos)) {
    Photo photo;
    photo.name = path.lexically_relative(options.photos).string();
    photo.pixels = ReadPixels(path);
    if (photo.pixels.empty()) continue;
    photo.related = std::any_of(
        kRelated.begin(), kRelated.end(),
        [&photo](std::string_view folder) { return photo.name.find(folder) != std::string::npos; });
    const PixelView view{.data = photo.pixels.data,
                         .width = photo.pixels.cols,
                         .height = photo.pixels.rows,
                         .stride_bytes = photo.pixels.step,
                         .order = ChannelOrder::kBgr};
    photo.upload = ExtractTimed(options, view, &times);
    photo.known = ExtractLocal(view, options.known);
    keypoints += photo.known.keypoints.size();
    photos.push_back(std::move(photo));
  }
  (*report)["extraction_ms"] = Spread(times);
  (*report)["photos"] = photos.size();
  (*report)["known_keypoints"] =
      photos.empty() ? 0.0 : static_cast<double>(keypoints) / static_cast<double>(photos.size());
  return photos;
}

int RunLocal(const LocalFlags& options) {
  nlohmann::json report = {{"suite", "local"}};
  const auto say = [&report](const char* part) {
    std::printf("%s %s\n", part, report[part].dump().c_str());
    std::fflush(stdout);
  };
  const std::vector<Photo> photos = LoadPhotos(options, &report);
  if (photos.size() < 10) {
    return Complain(kExitUsage, options.photos + ": too few pictures that we can read");
  }
  say("photos");
  say("extraction_ms");
  const auto wanted = [&options](std::string_view part) {
    return options.parts.empty() ||
           std::find(options.parts.begin(), options.parts.end(), part) != options.parts.end();
  };
  if (wanted("false")) {
    report["false_matches"] = MeasureFalse(photos);
    say("false_matches");
  }
  if (wanted("recall")) {
    report["recall"] = MeasureRecall(photos, options.edits, options.step, options.upload);
    say("recall");
  }
  if (wanted("checks")) {
    report["checks"] = MeasureChecks(photos, options.base, options.known, options.upload);
    say("checks");
  }
  if (!options.json.empty() && !(std::ofstream(options.json) << report.dump(1) << '\n')) {
    return Complain(kExitFailed, "cannot write " + options.json);
  }
  const bool sound = !wanted("false") || report["false_matches"]["matches"] == 0;
  return sound ? kExitOk : kExitSomeFailed;
}

}  // namespace

nlohmann::json Spread(std::vector<double> ms) {
  if (ms.empty()) return nullptr;
  std::sort(ms.begin(), ms.end());
  double sum = 0;
  for (const double value : ms) sum += value;
  return {{"mean", sum / static_cast<double>(ms.size())},
          {"p50", ms[ms.size() / 2]},
          {"p99", ms[ms.size() * 99 / 100]},
          {"max", ms.back()}};
}

void AddLocal(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("local", "Local fingerprints: times, memory, recall, false matches");
  auto options = std::make_shared<LocalFlags>();
  command->add_option("--photos", options->photos, "folder of photographs")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--base", options->base,
                   "known pictures that a check is measured against, made of the photographs' "
                   "descriptors; default: 100000")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command
      ->add_option("--part", options->parts,
                   "only these of false, recall, checks, joined with commas; default: all")
      ->delimiter(',')
      ->check(CLI::IsMember({"false", "recall", "checks"}).description(""));
  command->add_option("--step", options->step, "recall of every so many photographs; default: 5")
      ->check(CLI::Range(1, 1000).description(""));
  command->add_option("--repeat", options->repeat, "the fastest of so many extractions; default: 3")
      ->check(CLI::Range(1, 100).description(""));
  command
      ->add_option("--edits", options->edits, "recall of these, joined with commas; default: all")
      ->delimiter(',')
      ->type_name("a,b,c");
  command->add_option("--known", options->known, "places of a known picture; default: as built")
      ->check(CLI::Range(1, 1024).description(""));
  command->add_option("--upload", options->upload, "places of an upload; default: as built")
      ->check(CLI::Range(1, 1024).description(""));
  command->add_option("--json", options->json, "writes the figures to FILE")->type_name("FILE");
  command->footer("A match of two unrelated photographs is a wrong answer: exit code 1.");
  command->callback([options, exit_code] { *exit_code = RunLocal(*options); });
}

}  // namespace vigie::bench
