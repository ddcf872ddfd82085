// What a policy would have made of past verdicts. Pure.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/policy.h"
#include "engine/policy/verdict.h"

namespace vigie {

// A verdict that was given, with everything that was near the upload (Candidates()), as it was
// known then.
struct PastVerdict {
  TimeUs time_us = 0;
  std::string organisation;  // whose upload it was
  Outcome outcome = Outcome::kNoMatch;
  Action action = Action::kReportOnly;  // of kMatch
  std::vector<Match> candidates;
};

// An outcome with its action.
enum class Answer : uint8_t {
  kNotScanned = 0,
  kNoMatch = 1,
  kReportOnly = 2,
  kHoldForReview = 3,
  kProvisionalBlock = 4,
  kBlock = 5,
};
inline constexpr size_t kAnswers = 6;
std::string_view Name(Answer value);
Answer AnswerOf(Outcome outcome, Action action);

struct Trial {
  uint64_t verdicts = 0;
  uint64_t changed = 0;  // of them, those with another answer
  TimeUs first_us = 0;   // of the oldest and the newest; 0 without any
  TimeUs last_us = 0;
  // counts[given][new], by Answer.
  std::array<std::array<uint64_t, kAnswers>, kAnswers> counts{};
  // For each rule of the policy: how many matches it would take something from, were it the only
  // one.
  std::vector<uint64_t> matches_by_rule;
};

// Decides every verdict anew. What was NOT_SCANNED and still matches nothing stays NOT_SCANNED.
// What matched and would no longer counts as NO_MATCH: whether something stood in the way of a
// whole look at the picture is not known any more.
Trial TryPolicy(const Policy& policy, std::span<const PastVerdict> verdicts);

}  // namespace vigie
