#include "engine/policy/trial.h"

#include <algorithm>

#include "engine/policy/decide.h"

namespace vigie {
namespace {

bool Weakens(const PolicyRule& rule, const Match& match, std::string_view organisation) {
  if (match.distance < rule.from_distance || !Concerns(rule, match, organisation)) return false;
  const Action whole = EffectOf(match.state, match.list_action, match.category).action;
  const Action causes = match.IsPartial() ? std::min(whole, Action::kHoldForReview) : whole;
  return !rule.at_most.has_value() || *rule.at_most < causes;
}

Answer NewAnswer(const Policy& policy, const PastVerdict& past) {
  const Verdict verdict = Decide(past.candidates, policy, past.organisation, /*max_matches=*/0);
  const bool unseen = past.outcome == Outcome::kNotScanned &&
                      verdict.outcome == Outcome::kNoMatch && verdict.basis != Basis::kAllowListed;
  return unseen ? Answer::kNotScanned : AnswerOf(verdict.outcome, verdict.action);
}

}  // namespace

std::string_view Name(Answer value) {
  switch (value) {
    case Answer::kNotScanned:
      return Name(Outcome::kNotScanned);
    case Answer::kNoMatch:
      return Name(Outcome::kNoMatch);
    case Answer::kReportOnly:
      return Name(Action::kReportOnly);
    case Answer::kHoldForReview:
      return Name(Action::kHoldForReview);
    case Answer::kProvisionalBlock:
      return Name(Action::kProvisionalBlock);
    case Answer::kBlock:
      return Name(Action::kBlock);
  }
  return "invalid";
}

Answer AnswerOf(Outcome outcome, Action action) {
  if (outcome == Outcome::kNotScanned) return Answer::kNotScanned;
  if (outcome == Outcome::kNoMatch) return Answer::kNoMatch;
  switch (action) {
    case Action::kReportOnly:
      return Answer::kReportOnly;
    case Action::kHoldForReview:
      return Answer::kHoldForReview;
    case Action::kProvisionalBlock:
      return Answer::kProvisionalBlock;
    case Action::kBlock:
      break;
  }
  return Answer::kBlock;
}

Trial TryPolicy(const Policy& policy, std::span<const PastVerdict> verdicts) {
  Trial trial;
  trial.matches_by_rule.resize(policy.rules().size());
  for (const PastVerdict& past : verdicts) {
    const Answer given = AnswerOf(past.outcome, past.action);
    const Answer now = NewAnswer(policy, past);
    ++trial.counts[static_cast<size_t>(given)][static_cast<size_t>(now)];
    if (now != given) ++trial.changed;
    trial.first_us = trial.verdicts == 0 ? past.time_us : std::min(trial.first_us, past.time_us);
    trial.last_us = std::max(trial.last_us, past.time_us);
    ++trial.verdicts;
    for (size_t i = 0; i < policy.rules().size(); ++i) {
      for (const Match& match : past.candidates) {
        if (Weakens(policy.rules()[i], match, past.organisation)) ++trial.matches_by_rule[i];
      }
    }
  }
  return trial;
}

}  // namespace vigie
