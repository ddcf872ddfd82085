#include "engine/policy/decide.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace vigie {

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
    case Basis::kSuspended:
      return "suspended";
    case Basis::kReleased:
      return "released";
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

Verdict Decide(std::vector<Match> matches, size_t max_matches) {
  // One match an entry: the nearest; then the least turned, then the first fingerprint, so
  // that the answer is the same every time.
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return std::tie(a.entry, a.distance, a.orientation, a.fingerprint) <
           std::tie(b.entry, b.distance, b.orientation, b.fingerprint);
  });
  matches.erase(std::unique(matches.begin(), matches.end(),
                            [](const Match& a, const Match& b) { return a.entry == b.entry; }),
                matches.end());

  Verdict verdict;
  verdict.outcome = Outcome::kNoMatch;
  for (Match& match : matches) {
    if (match.kind == ListKind::kAllow) {
      if (!verdict.allowed_by.has_value() || match.distance < verdict.allowed_by->distance) {
        verdict.allowed_by = match;
      }
      continue;
    }
    Effect effect = EffectOf(match.state, match.list_action, match.category, match.suspension);
    if (match.released && effect.action > Action::kReportOnly) {
      effect = {Action::kReportOnly, Basis::kReleased};
    }
    match.action = effect.action;
    match.basis = effect.basis;
  }
  const bool allowed = verdict.allowed_by.has_value();
  std::erase_if(matches, [allowed](const Match& match) {
    const bool court = match.state == EntryState::kConfirmed && match.court_basis;
    return match.kind == ListKind::kAllow || (allowed && !court);
  });
  if (matches.empty()) {
    verdict.basis = allowed ? Basis::kAllowListed : Basis::kNothingKnown;
    return verdict;
  }
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return std::tie(b.action, a.distance, a.entry) < std::tie(a.action, b.distance, b.entry);
  });
  verdict.outcome = Outcome::kMatch;
  verdict.action = matches.front().action;
  verdict.basis = matches.front().basis;
  verdict.allowed_by.reset();
  verdict.total_matches = matches.size();
  if (matches.size() > max_matches) matches.resize(max_matches);
  verdict.matches = std::move(matches);
  return verdict;
}

}  // namespace vigie
