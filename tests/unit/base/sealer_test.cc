#include "engine/base/sealer.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

namespace vigie {
namespace {

constexpr Sealer::Key kKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

TEST(Sealer, OpensWhatItSealed) {
  const Sealer sealer(kKey);
  for (const uint64_t number :
       {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40, std::numeric_limits<uint64_t>::max()}) {
    for (const char* context : {"", "entry", "page of a list"}) {
      const std::string token = sealer.Seal(number, context);
      EXPECT_EQ(token.size(), 26U);
      EXPECT_EQ(token.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
      EXPECT_EQ(sealer.Open(token, context), number);
      EXPECT_EQ(sealer.Seal(number, context), token);
    }
  }
}

TEST(Sealer, RefusesAnotherContext) {
  const Sealer sealer(kKey);
  EXPECT_FALSE(sealer.Open(sealer.Seal(7, "entry"), "list").has_value());
  EXPECT_FALSE(sealer.Open(sealer.Seal(7, "entry"), "").has_value());
}

TEST(Sealer, RefusesAnotherKey) {
  Sealer::Key other = kKey;
  other[15] ^= 1;
  EXPECT_FALSE(Sealer(other).Open(Sealer(kKey).Seal(7, "entry"), "entry").has_value());
}

TEST(Sealer, RefusesEveryTokenThatDiffersInOneCharacter) {
  const Sealer sealer(kKey);
  const std::string token = sealer.Seal(7, "entry");
  for (size_t i = 0; i < token.size(); ++i) {
    for (const char c : std::string("abcdefghijklmnopqrstuvwxyz234567A=! ")) {
      std::string tampered = token;
      tampered[i] = c;
      EXPECT_EQ(sealer.Open(tampered, "entry").has_value(), tampered == token) << tampered;
    }
  }
}

TEST(Sealer, RefusesOtherLengths) {
  const Sealer sealer(kKey);
  const std::string token = sealer.Seal(7, "entry");
  for (const std::string& text :
       {std::string(), token.substr(1), token + "a", token + token, std::string("7")}) {
    EXPECT_FALSE(sealer.Open(text, "entry").has_value()) << text;
  }
}

TEST(Sealer, GivesNeighboursUnrelatedTokens) {
  const Sealer sealer(kKey);
  std::set<std::string> beginnings;
  for (uint64_t number = 1; number <= 100; ++number) {
    beginnings.insert(sealer.Seal(number, "entry").substr(0, 8));
  }
  EXPECT_EQ(beginnings.size(), 100U);
}

}  // namespace
}  // namespace vigie
