#include "server/log/trace.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace vigie {
namespace {

constexpr char kValid[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsRead) {
  const auto trace = ParseTraceparent(kValid);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->flags, 1);
}

TEST(Traceparent, IsReadStrictly) {
  const std::string valid = kValid;
  for (const std::string& bad :
       {std::string(), valid.substr(1), valid + "-", valid + "0", valid + "-00", " " + valid,
        std::string("ff") + valid.substr(2), std::string("0g") + valid.substr(2),
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01"),
        std::string("01") + valid.substr(2) + "x"}) {
    EXPECT_FALSE(ParseTraceparent(bad).has_value()) << bad;
  }
  // A later version may have more at its end.
  EXPECT_TRUE(ParseTraceparent("01" + valid.substr(2)).has_value());
  EXPECT_TRUE(ParseTraceparent("cc" + valid.substr(2) + "-what the future brings").has_value());
}

TEST(Traceparent, OneByteChangedIsValidOnlyWhenTheByteIsADigit) {
  const std::string valid = kValid;
  for (size_t at = 0; at < valid.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = valid;
      changed[at] = static_cast<char>(byte);
      const bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      const bool dash = valid[at] == '-';
      EXPECT_EQ(ParseTraceparent(changed).has_value(), dash ? byte == '-' : digit)
          << "byte " << byte << " at " << at;
    }
  }
}

TEST(Traceparent, NamesOurSpan) {
  const auto trace = ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(FormatTraceparent(*trace, 0xabc),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01");
  EXPECT_TRUE(ParseTraceparent(FormatTraceparent(*trace, RandomId())).has_value());
}

TEST(RequestId, HasAFormThatIsSafeInALine) {
  EXPECT_TRUE(IsRequestId("a"));
  EXPECT_TRUE(IsRequestId("7f3c-A.b_9"));
  EXPECT_TRUE(IsRequestId(std::string(36, 'x')));
  for (const std::string& bad :
       {std::string(), std::string(37, 'x'), std::string("a b"), std::string("a\n"),
        std::string("a\"b"), std::string("é"), std::string("a\0b", 3), std::string("a=b")}) {
    EXPECT_FALSE(IsRequestId(bad)) << bad;
  }
}

TEST(RequestId, OfOursAre16DigitsAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = FormatId(RandomId());
    EXPECT_EQ(id.size(), 16U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(FormatId(0x1f), "000000000000001f");
}

}  // namespace
}  // namespace vigie
