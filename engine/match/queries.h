// Inside engine/match: an upload between its hashes and its verdict.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/match/pipeline.h"

namespace vigie {

// What is known of the upload, and if something prevented a look at it, what.
struct Pipeline::Queries {
  // Where a hash comes from.
  struct Origin {
    Orientation orientation = Orientation::kOriginal;
    int quality = 0;
    std::optional<int> frame;  // of an animation
    std::optional<Variant> variant;
  };

  // Left out, because nothing could be found by them at `begun`, a state before.
  std::vector<Algorithm> digests_left_out;
  bool places_left_out = false;
  Revision begun = 0;
  std::vector<Pdq256> hashes;
  std::vector<Origin> origins;  // of hashes[i]
  size_t of_whole = 0;          // how many of them are, the first; the others are of parts
  Effort effort = Effort::kFast;
  std::vector<size_t> variants;  // where the hashes of each part begin
  int variants_looked_up = 0;
  LocalFingerprint local;
  int local_frame = 0;
  FrameSummary summary;
  int places_looked_up = 0;
  TimeUs thorough_us = 0;  // what is left for parts and places
  std::chrono::steady_clock::time_point thorough_until;
  bool budget_ended = false;
  int quality = 0;         // the best
  int frames_decoded = 0;  // of an animation
  int frames_looked_up = 0;
  std::vector<Fingerprint> digests;
  std::string name;  // of an upload that may be found without any of these: a digest of it
  // Set when finding nothing would not mean that nothing is there.
  std::optional<NotScanned> obstacle;
  std::string detail;
  // What the search gives: the state that it saw at least, and what it found.
  Revision revision = 0;
  std::vector<Match> matches;

  // What tells this upload from others: its hashes as it was sent, or else what there is.
  std::string Values() const {
    std::string values;
    const size_t most = of_whole > 0 ? of_whole : hashes.size();
    for (const bool original : {true, false}) {
      if (!values.empty()) break;
      for (size_t i = 0; i < most; ++i) {
        if (original && origins[i].orientation != Orientation::kOriginal) continue;
        values.append(reinterpret_cast<const char*>(hashes[i].bytes.data()),
                      hashes[i].bytes.size());
      }
    }
    if (!hashes.empty()) return values;
    for (const Fingerprint& digest : digests) values += digest.value;
    return values + name;
  }

  void Obstruct(NotScanned reason, std::string_view why) {
    obstacle = reason;
    detail = std::string(why);
  }
};

}  // namespace vigie
