#include "engine/base/types.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace vigie {
namespace {

// The words of `Enum` for the numbers first..last, read back and listed.
template <typename Enum>
void CheckWords(int first, int last) {
  std::set<std::string_view> words;
  std::string joined;
  for (int i = first; i <= last; ++i) {
    const auto value = static_cast<Enum>(i);
    EXPECT_EQ(Parse<Enum>(Name(value)), value) << Name(value);
    words.insert(Name(value));
    joined += (joined.empty() ? "" : ", ") + std::string(Name(value));
  }
  EXPECT_EQ(words.size(), static_cast<size_t>(last - first + 1));
  EXPECT_EQ(Names<Enum>(), joined);
  EXPECT_EQ(Name(static_cast<Enum>(last + 1)), "invalid");
  for (const char* other : {"", "invalid", "Pdq", "nonsense"}) {
    EXPECT_FALSE(Parse<Enum>(other).has_value()) << other;
  }
}

// The numbers are stored in databases, so the test repeats them.
TEST(Types, EveryWordNamesOneValueAndBack) {
  CheckWords<Algorithm>(1, 5);
  CheckWords<Profile>(1, 2);
  CheckWords<DecodeMode>(1, 2);
  CheckWords<VariantKind>(1, 4);
  CheckWords<Effort>(1, 2);
  CheckWords<Orientation>(0, 7);
  CheckWords<ListKind>(1, 2);
  CheckWords<Category>(1, 7);
  CheckWords<Action>(1, 4);
  CheckWords<EntryState>(1, 9);
  CheckWords<EntryAction>(1, 12);
  CheckWords<Suspension>(0, 3);
  CheckWords<ReasonCode>(0, 16);
  CheckWords<Subject>(1, 3);
  CheckWords<Credential>(1, 2);
  CheckWords<Role>(1, 7);
}

TEST(Types, EveryActionOnAnEntryHasItsKindOfEvent) {
  for (int i = 1; i <= 9; ++i) EXPECT_NE(Name(static_cast<EventKind>(i)), "invalid") << i;
  for (const int i : {13, 14, 201, 202, 203, 204}) {
    EXPECT_NE(Name(static_cast<EventKind>(i)), "invalid") << i;
  }
  for (const int i : {10, 100, 113, 200, 205}) {
    EXPECT_EQ(Name(static_cast<EventKind>(i)), "invalid") << i;
  }
  for (int i = 1; i <= 4; ++i) EXPECT_NE(Name(KindOf(static_cast<Action>(i))), "invalid");
  for (int i = 1; i <= 12; ++i) {
    const auto action = static_cast<EntryAction>(i);
    const EventKind kind = KindOf(action);
    EXPECT_EQ(Parse<EventKind>(Name(kind)), kind);
    // "entry_confirmed" for "confirm": the words begin alike.
    EXPECT_EQ(std::string(Name(kind)).substr(6, 3), std::string(Name(action)).substr(0, 3));
  }
}

TEST(Types, ComparingActionsComparesStrength) {
  EXPECT_LT(Action::kReportOnly, Action::kHoldForReview);
  EXPECT_LT(Action::kHoldForReview, Action::kProvisionalBlock);
  EXPECT_LT(Action::kProvisionalBlock, Action::kBlock);
}

}  // namespace
}  // namespace vigie
