// `vigie-bench robustness`: of every edit that people make, how many copies does each tier find,
// and what does it find that is not there?
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <opencv2/core.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/edits.h"
#include "bench/inputs.h"
#include "engine/base/digest.h"
#include "engine/base/types.h"
#include "engine/match/pipeline.h"

namespace vigie::bench {

struct RobustnessOptions {
  std::string photos;       // folder: copies of these are asked about
  std::string distractors;  // folder: these are in the base as well; empty: none
  std::vector<const Edit*> edits;
  size_t limit = 0;  // photographs that are edited; 0: all
  uint64_t seed = 1;
  std::string write;  // folder for the edited copies; empty: they are not written
};

// --- what is asked

// One known picture that a tier found in an upload.
struct Found {
  EntryNumber entry = 0;
  int distance = 0;   // bits
  int inliers = 0;    // of a match by local fingerprints, which has no distance
  std::string where;  // which part of the upload; empty: the whole
};

struct Answer {
  std::vector<Found> found;  // one an entry
  bool scanned = true;       // false: there is no answer
  CheckTimes times;
};

// A way to find known pictures, by name. It asks the engine as the server does.
struct Tier {
  std::string name;
  std::function<Answer(Bytes upload)> ask;
};

// --- what it is asked of

struct Photograph {
  std::string path;
  std::string name;      // below its folder
  bool near_duplicates;  // of a folder whose pictures resemble each other on purpose
  EntryNumber entry = 0;
};

// Two catalogues that know the photographs of both folders: one by one PDQ each, as hash-only lists
// do, the other by their local fingerprints as well; with the pipeline that the server uses. Throws
// std::runtime_error.
class RobustnessBase {
 public:
  explicit RobustnessBase(const RobustnessOptions& options);

  // Known, and below options.photos, in an order that the seed decides.
  const std::vector<Photograph>& photographs() const { return photographs_; }
  size_t entries() const { return by_entry_.size(); }
  size_t skipped() const { return skipped_; }  // not a picture, or featureless
  // Which photograph an entry is of; those with the same hash share an entry.
  const Photograph& PhotographOf(EntryNumber entry) const { return by_entry_.at(entry); }
  std::vector<Tier> Tiers() const;

 private:
  // Photographs get the same numbers in both.
  struct Known {
    explicit Known(bool local);
    World world;
    Pipeline pipeline;
  };

  void Add(const std::string& folder, bool edited);

  Known hashes_{/*local=*/false};
  Known local_{/*local=*/true};
  std::vector<Photograph> photographs_;
  std::map<EntryNumber, Photograph> by_entry_;
  std::set<std::string> seen_;
  size_t skipped_ = 0;
};

// --- what comes of it

struct RobustnessRow {
  std::string edit;
  std::string kind;
  std::string tier;
  size_t asked = 0;
  size_t found = 0;        // the photograph that was edited
  size_t not_scanned = 0;  // of those not found
  double median = 0;       // distance of what was found by a hash; NaN: nothing was
  double inliers = 0;      // median of what was found by a local fingerprint; NaN likewise
  size_t false_found = 0;  // pairs of an upload and a photograph that is not in it
  CheckTimes times;        // mean of one upload
};

struct FalseMatch {
  std::string edit;
  std::string tier;
  std::string upload;
  std::string known;
  std::string where;
  int distance = 0;
  int inliers = 0;
};

struct Miss {
  std::string edit;
  std::string upload;
};

struct RobustnessReport {
  size_t photographs = 0;
  size_t entries = 0;
  size_t skipped = 0;
  uint64_t seed = 0;
  size_t pairs = 0;  // of an upload and a photograph that is not in it, for each tier
  std::vector<RobustnessRow> rows;
  size_t same_scene = 0;  // pairs found that ShowTheSame(), of all edits and tiers
  std::vector<FalseMatch> false_matches;  // the first of them
  std::vector<Miss> missed;  // by the last tier, which finds the most; the first of them
};

// Throws std::runtime_error.
RobustnessReport MeasureRobustness(const RobustnessOptions& options, const RobustnessBase& base);

void PrintRobustness(const RobustnessReport& report);
bool WriteRobustnessJson(const RobustnessReport& report, const std::string& path);

// One line of the chart: an edit with its recall by tier, 0 to 1.
struct RecallBar {
  std::string edit;
  std::string kind;
  std::vector<double> recall;
};
// An SVG element.
std::string RecallChart(std::span<const std::string> tiers, std::span<const RecallBar> bars);

// The picture of a file, pixels as stored; empty when it cannot be read.
cv::Mat ReadPicture(const std::string& path);

}  // namespace vigie::bench
