// The decision for an upload. Never silent, never with a hash value in it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/pixels.h"
#include "engine/base/types.h"

namespace vigie {

// Why there is no answer. A picture we could not look at is never reported as clean.
enum class NotScanned : uint8_t {
  kUnsupportedFormat = 1,
  kTooLarge = 2,       // over the server's limit of bytes or pixels
  kCorrupt = 3,        // empty, damaged, or cut off before its end
  kFeatureless = 4,    // quality below the floor: it would match unrelated pictures
  kDeadline = 5,       // the caller's time was over before the answer
  kDecoderFailed = 6,  // the decoder crashed, hung or ran out of memory on it
};

// Why the verdict, or one match, is what it is.
enum class Basis : uint8_t {
  kConfirmed = 1,     // a human or a court confirmed the entry
  kProvisional = 2,   // submitted, not yet confirmed: acts for a limited time
  kContested = 3,     // confirmed once, being re-examined: held, not blocked
  kListAction = 4,    // the list asks for less than its entry's state would allow
  kSourcePhoto = 5,   // a registered source photograph is reported or held, never blocked
  kNothingKnown = 6,  // no known picture within the distance
  kAllowListed = 7,   // an ALLOW entry matches and no court's entry does
  kPolicy = 8,        // the server's policy asks for less
  kSuspended = 9,     // the entry is held back: it matched too much, or an operator did it
  kReleased = 10,     // the platform found this entry wrong about this upload
  kPartial = 11,      // only a part of the upload is near: held, not blocked
};

std::string_view Name(Outcome value);
std::string_view Name(NotScanned value);
std::string_view Name(Basis value);

// Why a part of the upload is taken for a part of a known picture: places that look alike lie
// alike.
struct LocalEvidence {
  int inliers = 0;         // places
  double known_share = 0;  // of the known picture's area that lies between them, 0 to 1
  double upload_share = 0;
  bool mirrored = false;
  // Where the corners of the known picture lie in the upload, x and y in its pixels as stored:
  // upper left, upper right, lower right, lower left. They may lie outside.
  std::array<std::array<double, 2>, 4> corners{};
};

// A known picture near the upload.
struct Match {
  // What is known of the entry.
  EntryNumber entry = 0;
  std::string list_id;
  ListKind kind = ListKind::kBlock;
  Category category = Category::kOther;
  EntryState state = EntryState::kProvisional;
  bool court_basis = false;
  TimeUs expires_us = 0;                // 0: does not expire
  Action list_action = Action::kBlock;  // the strongest that the list asks for
  ListNumber list = 0;
  Suspension suspension = Suspension::kNone;
  bool released = false;  // the platform found this entry wrong about this upload
  // How it was found.
  Algorithm algorithm = Algorithm::kPdq;
  int fingerprint = 0;  // which of the entry's, from 0
  int distance = 0;     // bits, 0 to 256; 0 for what has none
  // The largest distance that would have matched, inclusive: of the list, the request and the
  // policy; before Decide(), and when the policy ignores the match, of the list and the request.
  int threshold = 0;
  Orientation orientation = Orientation::kOriginal;
  int upload_quality = 0;  // of the frame that matched
  int entry_quality = 0;
  std::optional<int> frame;  // of an animation: which matched, from 0; none for digests
  // The part of the upload that is near; none: the whole.
  std::optional<Variant> variant;
  // Of kLocal.
  std::optional<LocalEvidence> local;
  // Set by Decide().
  Action action = Action::kReportOnly;
  Basis basis = Basis::kProvisional;

  // Only a part of the upload is near.
  bool IsPartial() const { return variant.has_value() || local.has_value(); }
};

struct Verdict {
  Outcome outcome = Outcome::kNotScanned;
  // kMatch: the strongest action of all matches. Meaningless otherwise.
  Action action = Action::kReportOnly;
  // Why: for kMatch that of the strongest match. Meaningless for kNotScanned.
  Basis basis = Basis::kNothingKnown;
  // kMatch: one an entry, strongest action first, then nearest; capped at what the caller asked.
  std::vector<Match> matches;
  size_t total_matches = 0;  // entries that matched, before the cap
  // kNoMatch because of kAllowListed: the entry that allows it.
  std::optional<Match> allowed_by;
  // What was near and is not listed above: ignored by the policy, outranked, or beyond the cap; one
  // an entry, by entry. For records, not for callers: see Candidates().
  std::vector<Match> set_aside;
  std::string policy;  // the name of the policy that it was made by; empty: none
  // kNotScanned: why, and a sentence for people.
  NotScanned not_scanned = NotScanned::kCorrupt;
  std::string detail;
  int upload_quality = 0;  // of its best frame; 0 when no PDQ was computed
  // Of an animation: how many frames were decoded, and how many of them were looked up (the others
  // repeat these, are featureless, or are more than the server looks up). 0 for still pictures.
  int frames_decoded = 0;
  int frames_looked_up = 0;
  Effort effort = Effort::kFast;  // what was done
  int variants_looked_up = 0;     // parts of the upload
  int places_looked_up = 0;       // among local fingerprints
  // More than kFast ended before everything was looked up: its time was over, or more known
  // pictures have something in common with the upload than are compared.
  bool budget_ended = false;
  Revision revision = 0;  // the catalogue had at least this state
  std::string upload;     // kMatch: names what was checked, for feedback; opaque
};

// The nearest match of every entry that was near, by entry: all that Decide() needs to decide anew,
// with another policy.
std::vector<Match> Candidates(const Verdict& verdict);

}  // namespace vigie
