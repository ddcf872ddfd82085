#include "engine/policy/decide.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace vigie {
namespace {

// Somebody has said that the whole upload is harmless: that a part of it looks like a part of what
// a court has confirmed is no reason to hold it.
bool OutranksAllow(const Match& match) {
  return match.state == EntryState::kConfirmed && match.court_basis && !match.IsPartial();
}

// Those of ALLOW lists cause nothing.
void SetEffect(const Policy::Ruling& ruling, Match& match) {
  if (match.kind == ListKind::kAllow) return;
  Effect effect = EffectOf(match.state, match.list_action, match.category, match.suspension);
  if (ruling.at_most < effect.action) effect = {ruling.at_most, Basis::kPolicy};
  if (match.IsPartial() && effect.action > Action::kHoldForReview) {
    effect = {Action::kHoldForReview, Basis::kPartial};
  }
  if (match.released && effect.action > Action::kReportOnly) {
    effect = {Action::kReportOnly, Basis::kReleased};
  }
  match.action = effect.action;
  match.basis = effect.basis;
}

// Moves the matches from `first` on to the end of `to`.
void MoveTail(std::vector<Match>& from, std::vector<Match>::iterator first,
              std::vector<Match>& to) {
  to.insert(to.end(), std::make_move_iterator(first), std::make_move_iterator(from.end()));
  from.erase(first, from.end());
}

// One match an entry: the nearest of the whole upload, the nearest of a part of it and that of
// places, and of these the one that causes more, which the policy decides. `matches` is in order of
// entries.
struct Ruled {
  Match match;
  bool ignored = false;
};

std::vector<Ruled> RuledByEntry(std::vector<Match> matches, const Policy& policy,
                                std::string_view organisation) {
  std::vector<Ruled> ruled;
  for (Match& match : matches) {
    const Policy::Ruling ruling = policy.RulingOn(match, organisation);
    SetEffect(ruling, match);
    if (!ruling.ignored) match.threshold = ruling.threshold;
    Ruled next{.match = std::move(match), .ignored = ruling.ignored};
    if (ruled.empty() || ruled.back().match.entry != next.match.entry) {
      ruled.push_back(std::move(next));
      continue;
    }
    const Ruled& whole = ruled.back();
    const bool stronger = next.match.action > whole.match.action;
    if (!next.ignored && (whole.ignored || stronger)) ruled.back() = std::move(next);
  }
  return ruled;
}

void SortByEntry(std::vector<Match>& matches) {
  std::sort(matches.begin(), matches.end(),
            [](const Match& a, const Match& b) { return a.entry < b.entry; });
}

}  // namespace

std::string_view Name(Outcome value) {
  switch (value) {
    case Outcome::kMatch:
      return "match";
    case Outcome::kNoMatch:
      return "no_match";
    case Outcome::kNotScanned:
      return "not_scanned";
  }
  return "invalid";
}

std::string_view Name(NotScanned value) {
  switch (value) {
    case NotScanned::kUnsupportedFormat:
      return "unsupported_format";
    case NotScanned::kTooLarge:
      return "too_large";
    case NotScanned::kCorrupt:
      return "corrupt";
    case NotScanned::kFeatureless:
      return "featureless";
    case NotScanned::kDeadline:
      return "deadline";
    case NotScanned::kDecoderFailed:
      return "decoder_failed";
  }
  return "invalid";
}

std::string_view Name(Basis value) {
  switch (value) {
    case Basis::kConfirmed:
      return "confirmed";
    case Basis::kProvisional:
      return "provisional";
    case Basis::kContested:
      return "contested";
    case Basis::kListAction:
      return "list_action";
    case Basis::kSourcePhoto:
      return "source_photo";
    case Basis::kNothingKnown:
      return "nothing_known";
    case Basis::kAllowListed:
      return "allow_listed";
    case Basis::kPolicy:
      return "policy";
    case Basis::kSuspended:
      return "suspended";
    case Basis::kReleased:
      return "released";
    case Basis::kPartial:
      return "partial";
  }
  return "invalid";
}

Effect EffectOf(EntryState state, Action list_action, Category category, Suspension suspension) {
  Effect effect{Action::kReportOnly, Basis::kProvisional};
  if (state == EntryState::kConfirmed) effect = {Action::kBlock, Basis::kConfirmed};
  if (state == EntryState::kProvisional) effect = {Action::kProvisionalBlock, Basis::kProvisional};
  if (state == EntryState::kContested) effect = {Action::kHoldForReview, Basis::kContested};
  if (list_action < effect.action) effect = {list_action, Basis::kListAction};
  if (category == Category::kSourcePhoto && effect.action > Action::kHoldForReview) {
    effect = {Action::kHoldForReview, Basis::kSourcePhoto};
  }
  // The match rate leaves a look to a human; an operator switches off.
  if (suspension == Suspension::kMatchRate && effect.action > Action::kHoldForReview) {
    effect = {Action::kHoldForReview, Basis::kSuspended};
  }
  if (suspension == Suspension::kOperator && effect.action > Action::kReportOnly) {
    effect = {Action::kReportOnly, Basis::kSuspended};
  }
  return effect;
}

Verdict Decide(std::vector<Match> matches, const Policy& policy, std::string_view organisation,
               size_t max_matches) {
  // Of an entry the nearest; then the least turned, then the first fingerprint, so that the answer
  // is the same every time. Rules begin at a distance and never end at one, so the nearest is also
  // the one that the policy weakens least. Parts of the upload come after the whole.
  const auto order = [](const Match& match) {
    return std::tuple(match.entry, match.IsPartial(), match.local.has_value(), match.distance,
                      match.orientation, match.fingerprint);
  };
  std::stable_sort(matches.begin(), matches.end(),
                   [&](const Match& a, const Match& b) { return order(a) < order(b); });
  matches.erase(std::unique(matches.begin(), matches.end(),
                            [](const Match& a, const Match& b) {
                              return a.entry == b.entry && a.IsPartial() == b.IsPartial() &&
                                     a.local.has_value() == b.local.has_value();
                            }),
                matches.end());

  Verdict verdict;
  verdict.outcome = Outcome::kNoMatch;
  verdict.policy = policy.name();
  std::vector<Match> acting;
  std::vector<Match> allowing;
  for (Ruled& ruled : RuledByEntry(std::move(matches), policy, organisation)) {
    std::vector<Match>& rest = ruled.match.kind == ListKind::kAllow ? allowing : acting;
    (ruled.ignored ? verdict.set_aside : rest).push_back(std::move(ruled.match));
  }
  const bool allowed = !allowing.empty();
  MoveTail(
      acting,
      allowed ? std::stable_partition(acting.begin(), acting.end(), OutranksAllow) : acting.end(),
      verdict.set_aside);
  if (acting.empty() && allowed) {
    const auto nearest =
        std::min_element(allowing.begin(), allowing.end(),
                         [](const Match& a, const Match& b) { return a.distance < b.distance; });
    verdict.allowed_by = std::move(*nearest);
    allowing.erase(nearest);
  }
  MoveTail(allowing, allowing.begin(), verdict.set_aside);
  if (acting.empty()) {
    verdict.basis = allowed ? Basis::kAllowListed : Basis::kNothingKnown;
  } else {
    std::sort(acting.begin(), acting.end(), [](const Match& a, const Match& b) {
      const int more = a.local.has_value() && b.local.has_value()
                           ? b.local->inliers - a.local->inliers
                           : int{a.local.has_value()} - int{b.local.has_value()};
      return std::tuple(b.action, more, a.distance, a.entry) <
             std::tuple(a.action, 0, b.distance, b.entry);
    });
    verdict.outcome = Outcome::kMatch;
    verdict.action = acting.front().action;
    verdict.basis = acting.front().basis;
    verdict.total_matches = acting.size();
    const size_t listed = std::min(acting.size(), max_matches);
    MoveTail(acting, acting.begin() + static_cast<std::ptrdiff_t>(listed), verdict.set_aside);
    verdict.matches = std::move(acting);
  }
  SortByEntry(verdict.set_aside);
  return verdict;
}

std::vector<Match> Candidates(const Verdict& verdict) {
  std::vector<Match> all = verdict.matches;
  all.insert(all.end(), verdict.set_aside.begin(), verdict.set_aside.end());
  if (verdict.allowed_by.has_value()) all.push_back(*verdict.allowed_by);
  SortByEntry(all);
  return all;
}

}  // namespace vigie
