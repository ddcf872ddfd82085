#include "engine/base/digest.h"

#include <gtest/gtest.h>

#include <string>

namespace vigie {
namespace {

// RFC 1321, section A.5.
TEST(Digest, Md5HasItsPublishedAnswers) {
  EXPECT_EQ(ToHex(Md5({})), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(ToHex(Md5(AsBytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(ToHex(Md5(AsBytes("message digest"))), "f96b697d7cb7938d525a2f31aaf161d0");
}

// RFC 3174, section 7.3.
TEST(Digest, Sha1HasItsPublishedAnswers) {
  EXPECT_EQ(ToHex(Sha1(AsBytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(Sha1(AsBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

// RFC 6234, section 8.5.
TEST(Digest, Sha256HasItsPublishedAnswers) {
  EXPECT_EQ(ToHex(Sha256(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256(AsBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
TEST(Digest, HmacSha256HasItsPublishedAnswers) {
  EXPECT_EQ(ToHex(HmacSha256(AsBytes(std::string(20, '\x0b')), AsBytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(ToHex(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(ToHex(HmacSha256(AsBytes(std::string(131, '\xaa')),
                             AsBytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(EqualInConstantTime, ComparesSizeAndContent) {
  EXPECT_TRUE(EqualInConstantTime(AsBytes("abc"), AsBytes("abc")));
  EXPECT_FALSE(EqualInConstantTime(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(EqualInConstantTime(AsBytes("abc"), AsBytes("ab")));
  EXPECT_TRUE(EqualInConstantTime({}, {}));
}

TEST(FillRandom, GivesOtherBytesEachTime) {
  std::array<uint8_t, 16> a{};
  std::array<uint8_t, 16> b{};
  ASSERT_TRUE(FillRandom(a));
  ASSERT_TRUE(FillRandom(b));
  EXPECT_NE(a, b);
}

std::string AllBytes(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + size);
  return bytes;
}

TEST(Hex, RoundTripsAndReadsUpperCase) {
  for (size_t size = 0; size < 300; ++size) {
    const std::string bytes = AllBytes(size);
    EXPECT_EQ(FromHex(ToHex(AsBytes(bytes))), bytes);
  }
  EXPECT_EQ(FromHex("aBcD"), "\xab\xcd");
  EXPECT_EQ(ToHex(AsBytes("\xab\xcd")), "abcd");
}

TEST(Hex, RefusesOtherCharactersAndOddLengths) {
  for (const char* text : {"a", "abc", "0g", "0x12", " 12", "1 ", "--"}) {
    EXPECT_FALSE(FromHex(text).has_value()) << text;
  }
}

// RFC 4648, section 10, in lower case and without padding.
TEST(Base32, HasItsPublishedAnswers) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "my"},
                                                       {"fo", "mzxq"},
                                                       {"foo", "mzxw6"},
                                                       {"foob", "mzxw6yq"},
                                                       {"fooba", "mzxw6ytb"},
                                                       {"foobar", "mzxw6ytboi"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(ToBase32(AsBytes(bytes)), text);
    EXPECT_EQ(FromBase32(text), bytes);
  }
}

TEST(Base32, RoundTrips) {
  for (size_t size = 0; size < 300; ++size) {
    const std::string bytes = AllBytes(size);
    EXPECT_EQ(FromBase32(ToBase32(AsBytes(bytes))), bytes);
  }
}

TEST(Base32, HasOneTextPerValue) {
  for (const char* text : {"mz", "m", "mzx", "mzxw6y", "MY", "my======", "m1", "m y"}) {
    EXPECT_FALSE(FromBase32(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace vigie
