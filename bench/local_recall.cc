#include <algorithm>
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <string>
#include <utility>

#include "bench/edit_kinds.h"
#include "bench/edits.h"
#include "bench/local.h"
#include "engine/hash/pdq.h"
#include "engine/local/extract.h"
#include "engine/local/local_index.h"

namespace vigie::bench {
namespace {

// A picture as it is posted first, before others change it: larger ones are reduced. As in
// `vigie-bench robustness`, so are the pictures beside it.
constexpr int kPostedSide = 1280;
constexpr size_t kPool = 32;
constexpr size_t kOthers = 8;

cv::Mat AsPosted(const cv::Mat& picture, int side) {
  const double factor = static_cast<double>(side) / std::max(picture.cols, picture.rows);
  return factor < 1 ? Scaled(picture, factor) : picture;
}

PixelView ViewOf(const cv::Mat& pixels) {
  return {.data = pixels.data,
          .width = pixels.cols,
          .height = pixels.rows,
          .stride_bytes = pixels.step,
          .order = ChannelOrder::kBgr};
}

struct Other {
  size_t photo;
  cv::Mat picture;
};

std::vector<Other> OthersOf(const std::vector<Photo>& photos) {
  std::vector<Other> pool;
  const size_t every = std::max<size_t>(1, photos.size() / kPool);
  for (size_t i = 0; i < photos.size() && pool.size() < kPool; i += every) {
    if (!photos[i].related) pool.push_back({i, AsPosted(photos[i].pixels, kPostedSide / 2)});
  }
  return pool;
}

struct Counts {
  size_t copies = 0;
  size_t local = 0;
  size_t pdq = 0;
  size_t together = 0;
  nlohmann::json wrong = nlohmann::json::array();  // entries that the copy does not show
  size_t left_out = 0;                             // searches that left candidates out
  size_t candidates = 0;
};

class Recall {
 public:
  Recall(const std::vector<Photo>& photos, size_t upload_places)
      : photos_(photos), upload_places_(upload_places), pool_(OthersOf(photos)) {
    for (size_t i = 0; i < photos.size(); ++i) {
      if (photos[i].related) continue;
      Require(index_.Add(static_cast<EntryNumber>(i), photos[i].known));
    }
    Require(index_.Maintain(true));
  }

  void Ask(const Edit& edit, size_t photo, Counts* counts) {
    std::vector<cv::Mat> others;
    std::set<EntryNumber> shown = {static_cast<EntryNumber>(photo)};
    for (size_t i = 0; edit.others && i < pool_.size() && others.size() < kOthers; ++i) {
      const Other& other = pool_[(photo + i) % pool_.size()];
      if (other.photo == photo) continue;
      others.push_back(other.picture);
      shown.insert(static_cast<EntryNumber>(other.photo));
    }
    const cv::Mat posted = AsPosted(photos_[photo].pixels, kPostedSide);
    const cv::Mat copy = cv::imdecode(
        EditedJpeg({.picture = posted, .others = others, .seed = photo}, edit), cv::IMREAD_COLOR);
    const auto result = index_.Search(
        ExtractLocal(ViewOf(copy), upload_places_), {}, [](EntryNumber) { return true; },
        [] { return true; });
    Require(result.status());
    bool local = false;
    for (const LocalMatch& match : result->matches) {
      local |= match.entry == photo;
      if (shown.contains(match.entry)) continue;
      counts->wrong.push_back({{"upload", photos_[photo].name},
                               {"known", photos_[match.entry].name},
                               {"inliers", match.evidence.inliers}});
    }
    const bool pdq = FoundByPdq(photos_[photo].pixels, copy);
    ++counts->copies;
    counts->local += local ? 1 : 0;
    counts->pdq += pdq ? 1 : 0;
    counts->together += local || pdq ? 1 : 0;
    counts->left_out += result->left_out > 0 ? 1 : 0;
    counts->candidates += result->candidates;
  }

 private:
  bool FoundByPdq(const cv::Mat& known, const cv::Mat& copy) {
    const PdqResult one = ComputePdq(ViewOf(known), Profile::kReference, scratch_);
    const PdqOrientations all = ComputePdqOrientations(ViewOf(copy), Profile::kReference, scratch_);
    return std::any_of(all.hashes.begin(), all.hashes.end(), [&one](const Pdq256& hash) {
      return HammingDistance(hash, one.hash) <= kDefaultMaxDistance;
    });
  }

  const std::vector<Photo>& photos_;
  const size_t upload_places_;
  const std::vector<Other> pool_;
  LocalIndex index_;
  PdqScratch scratch_;
};

double Share(size_t part, size_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

nlohmann::json MeasureRecall(const std::vector<Photo>& photos,
                             const std::vector<std::string>& edits, size_t step,
                             size_t upload_places) {
  Recall recall(photos, upload_places);
  nlohmann::json rows;
  for (const Edit& edit : Edits()) {
    if (!edits.empty() && std::find(edits.begin(), edits.end(), edit.name) == edits.end()) continue;
    Counts counts;
    for (size_t i = 0; i < photos.size(); i += step) {
      if (!photos[i].related) recall.Ask(edit, i, &counts);
    }
    rows[std::string(edit.name)] = {{"copies", counts.copies},
                                    {"local", Share(counts.local, counts.copies)},
                                    {"pdq", Share(counts.pdq, counts.copies)},
                                    {"together", Share(counts.together, counts.copies)},
                                    {"wrong_entries", counts.wrong},
                                    {"left_out", counts.left_out},
                                    {"candidates", Share(counts.candidates, counts.copies)}};
    std::printf("%-20s local %.3f pdq %.3f together %.3f wrong %zu\n",
                std::string(edit.name).c_str(), Share(counts.local, counts.copies),
                Share(counts.pdq, counts.copies), Share(counts.together, counts.copies),
                counts.wrong.size());
    std::fflush(stdout);
  }
  return rows;
}

}  // namespace vigie::bench
