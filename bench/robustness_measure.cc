#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "bench/edit_kinds.h"
#include "bench/robustness.h"
#include "bench/search.h"

namespace vigie::bench {
namespace {

namespace fs = std::filesystem;

// A picture as it is posted first, before others change it: larger ones are reduced.
constexpr int kPostedSide = 1280;
constexpr size_t kOthers = 8;  // in a collage of nine
constexpr size_t kPool = 32;   // that they are drawn from
constexpr size_t kKeptFalse = 200;
constexpr size_t kKeptMissed = 1000;

cv::Mat AsPosted(const cv::Mat& picture, int side) {
  const double factor = static_cast<double>(side) / std::max(picture.cols, picture.rows);
  return factor < 1 ? Scaled(picture, factor) : picture;
}

struct Other {
  cv::Mat picture;
  EntryNumber entry;
};

std::vector<Other> OthersOf(std::span<const Photograph> photographs) {
  std::vector<Other> pool;
  for (const Photograph& photograph : photographs) {
    if (pool.size() == kPool) break;
    if (photograph.near_duplicates) continue;
    const cv::Mat picture = ReadPicture(photograph.path);
    if (!picture.empty()) pool.push_back({AsPosted(picture, kPostedSide / 2), photograph.entry});
  }
  return pool;
}

double Median(std::vector<int>& values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? NAN : static_cast<double>(values[values.size() / 2]);
}

// The figures of one edit and tier, upload by upload.
struct Count {
  RobustnessRow row;
  std::vector<int> distances;
  std::vector<int> inliers;

  // True when it was found.
  bool Add(const Answer& answer, EntryNumber wanted) {
    ++row.asked;
    const auto found = std::find_if(answer.found.begin(), answer.found.end(),
                                    [wanted](const Found& f) { return f.entry == wanted; });
    if (found != answer.found.end()) {
      ++row.found;
      (found->inliers > 0 ? inliers : distances)
          .push_back(found->inliers > 0 ? found->inliers : found->distance);
    } else if (!answer.scanned) {
      ++row.not_scanned;
    }
    row.times.decode_ns += answer.times.decode_ns;
    row.times.hash_ns += answer.times.hash_ns;
    row.times.search_ns += answer.times.search_ns;
    row.times.decide_ns += answer.times.decide_ns;
    return found != answer.found.end();
  }

  RobustnessRow Finish() {
    const auto asked = static_cast<int64_t>(std::max<size_t>(row.asked, 1));
    for (int64_t* total :
         {&row.times.decode_ns, &row.times.hash_ns, &row.times.search_ns, &row.times.decide_ns}) {
      *total /= asked;
    }
    row.median = Median(distances);
    row.inliers = Median(inliers);
    return row;
  }
};

class Measurement {
 public:
  Measurement(const RobustnessOptions& options, const RobustnessBase& base)
      : options_(options), base_(base), tiers_(base.Tiers()), pool_(OthersOf(base.photographs())) {
    for (const Edit* edit : options.edits) {
      for (const Tier& tier : tiers_) {
        Count& count = counts_.emplace_back();
        count.row.edit = std::string(edit->name);
        count.row.kind = std::string(edit->kind);
        count.row.tier = tier.name;
      }
    }
  }

  void Ask(const Photograph& photograph) {
    const cv::Mat read = ReadPicture(photograph.path);
    if (read.empty()) return;  // the engine reads more formats than the edits do
    ++report_.photographs;
    const cv::Mat picture = AsPosted(read, kPostedSide);
    for (size_t e = 0; e < options_.edits.size(); ++e) Ask(photograph, picture, e);
  }

  RobustnessReport Finish() {
    report_.entries = base_.entries();
    report_.skipped = base_.skipped();
    report_.seed = options_.seed;
    for (Count& count : counts_) report_.rows.push_back(count.Finish());
    return report_;
  }

 private:
  void Ask(const Photograph& photograph, const cv::Mat& picture, size_t e) {
    const Edit& edit = *options_.edits[e];
    const uint64_t seed = options_.seed * 1'000'003 + photograph.entry * 211 + e;
    std::vector<cv::Mat> others;
    std::set<EntryNumber> shown = {photograph.entry};
    Random random(seed);
    const size_t first = pool_.empty() ? 0 : random.Below(pool_.size());
    for (size_t i = 0; edit.others && i < pool_.size() && others.size() < kOthers; ++i) {
      const Other& other = pool_[(first + i) % pool_.size()];
      if (other.entry == photograph.entry) continue;
      others.push_back(other.picture);
      shown.insert(other.entry);
    }
    const std::vector<uint8_t> upload =
        EditedJpeg({.picture = picture, .others = others, .seed = seed}, edit);
    if (!options_.write.empty()) Write(photograph, edit, upload);
    for (size_t t = 0; t < tiers_.size(); ++t) {
      const Answer answer = tiers_[t].ask(upload);
      Count& count = counts_[e * tiers_.size() + t];
      const bool found = count.Add(answer, photograph.entry);
      const bool last = t + 1 == tiers_.size();
      if (!found && last && report_.missed.size() < kKeptMissed) {
        report_.missed.push_back({.edit = count.row.edit, .upload = photograph.name});
      }
      CountFalse(photograph, answer, shown, &count.row);
      if (t == 0 && !photograph.near_duplicates) report_.pairs += base_.entries() - shown.size();
    }
  }

  void CountFalse(const Photograph& photograph, const Answer& answer,
                  const std::set<EntryNumber>& shown, RobustnessRow* row) {
    if (photograph.near_duplicates) return;
    for (const Found& found : answer.found) {
      const Photograph& known = base_.PhotographOf(found.entry);
      if (shown.contains(found.entry) || known.near_duplicates) continue;
      if (ShowTheSame(photograph.name, known.name)) {
        ++report_.same_scene;
        continue;
      }
      ++row->false_found;
      if (report_.false_matches.size() < kKeptFalse) {
        report_.false_matches.push_back({.edit = row->edit,
                                         .tier = row->tier,
                                         .upload = photograph.name,
                                         .known = known.name,
                                         .where = found.where,
                                         .distance = found.distance,
                                         .inliers = found.inliers});
      }
    }
  }

  void Write(const Photograph& photograph, const Edit& edit,
             const std::vector<uint8_t>& upload) const {
    std::string stem = fs::path(photograph.name).replace_extension().string();
    std::replace(stem.begin(), stem.end(), '/', '_');
    const fs::path path =
        fs::path(options_.write) / (stem + "--" + std::string(edit.name) + ".jpg");
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(upload.data()),
               static_cast<std::streamsize>(upload.size()));
    file.close();
    if (file.fail()) throw std::runtime_error("cannot write " + path.string());
  }

  const RobustnessOptions& options_;
  const RobustnessBase& base_;
  const std::vector<Tier> tiers_;
  const std::vector<Other> pool_;
  std::vector<Count> counts_;  // by edit, then by tier
  RobustnessReport report_;
};

}  // namespace

RobustnessReport MeasureRobustness(const RobustnessOptions& options, const RobustnessBase& base) {
  Measurement measurement(options, base);
  size_t most = base.photographs().size();
  if (options.limit > 0) most = std::min(most, options.limit);
  for (size_t i = 0; i < most; ++i) {
    measurement.Ask(base.photographs()[i]);
    if ((i + 1) % 20 == 0 || i + 1 == most) {
      Progress(std::to_string(i + 1) + " of " + std::to_string(most) + " photographs, " +
               std::to_string(options.edits.size()) + " edits each");
    }
  }
  return measurement.Finish();
}

}  // namespace vigie::bench
