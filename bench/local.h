// vigie-bench local: the parts that it measures.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/local/local_fingerprint.h"

namespace vigie::bench {

struct Photo {
  std::string name;         // below the folder
  bool related = false;     // in a folder of deliberate near-duplicates
  cv::Mat pixels;           // BGR
  LocalFingerprint known;   // as it would be submitted
  LocalFingerprint upload;  // as it would be checked
};

// Of the clock, and of the thread's own work, which others on the machine disturb less.
struct Times {
  std::vector<double> wall_ms;
  std::vector<double> thread_ms;
};

class Stopwatch {
 public:
  Stopwatch();
  void AddTo(Times* times) const;  // what has passed since the start

 private:
  double wall_ms_;
  double thread_ms_;
};

// Throws std::runtime_error.
void Require(const absl::Status& status);

// Milliseconds as mean, median, 99th percentile and maximum.
nlohmann::json Spread(std::vector<double> ms);
nlohmann::json Spread(const Times& times);

// Every photo against every other one, plain and mirrored: what two that have nothing to do with
// each other agree in. Photos of folders of near-duplicates are left out.
nlohmann::json MeasureFalse(const std::vector<Photo>& photos);

// Altered copies (of `edits`, by name; none: all of bench/edits.h) of every `step`-th photo against
// an index of all, and against the photo's PDQ.
nlohmann::json MeasureRecall(const std::vector<Photo>& photos,
                             const std::vector<std::string>& edits, size_t step,
                             size_t upload_places);

// Checks of photos that match nothing, extraction included, against `base` pictures; memory of
// these.
nlohmann::json MeasureChecks(const std::vector<Photo>& photos, size_t base, size_t known_places,
                             size_t upload_places);

}  // namespace vigie::bench
