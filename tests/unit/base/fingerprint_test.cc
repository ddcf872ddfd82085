#include "engine/base/fingerprint.h"

#include <gtest/gtest.h>

#include <string>

namespace vigie {
namespace {

constexpr Algorithm kAlgorithms[] = {Algorithm::kPdq, Algorithm::kMd5, Algorithm::kSha1,
                                     Algorithm::kSha256};

TEST(ValueFromHex, ReadsAValueOfEachAlgorithm) {
  for (const Algorithm algorithm : kAlgorithms) {
    const std::string value(ValueSize(algorithm), '\xa5');
    const auto read = ValueFromHex(algorithm, ToHex(AsBytes(value)));
    ASSERT_TRUE(read.ok()) << Name(algorithm);
    EXPECT_EQ(*read, value);
  }
}

TEST(ValueFromHex, RefusesOtherLengthsAndCharactersWithoutRepeatingTheValue) {
  for (const Algorithm algorithm : kAlgorithms) {
    const std::string hex(2 * ValueSize(algorithm), 'd');
    std::string bad_digit = hex;
    bad_digit[5] = 'x';
    for (const std::string& text : {std::string(), hex.substr(1), hex + "dd", bad_digit}) {
      const auto status = ValueFromHex(algorithm, text).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(ReasonOf(status), "HASH_MALFORMED");
      EXPECT_EQ(MessageOf(status).find("ddd"), std::string_view::npos) << status;
    }
  }
}

TEST(Validate, ChecksLengthAndQuality) {
  Fingerprint fingerprint =
      MakePdqFingerprint(Pdq256{}, 100, Profile::kReference, DecodeMode::kExact);
  EXPECT_TRUE(Validate(fingerprint).ok());
  for (const int quality : {-1, 101}) {
    fingerprint.quality = quality;
    EXPECT_EQ(ReasonOf(Validate(fingerprint)), "HASH_MALFORMED") << quality;
  }
  fingerprint.quality = 0;
  EXPECT_TRUE(Validate(fingerprint).ok());
  fingerprint.algorithm = Algorithm::kMd5;
  EXPECT_EQ(ReasonOf(Validate(fingerprint)), "HASH_MALFORMED");
}

TEST(Fingerprint, KeepsThePdqBitsInOrder) {
  Pdq256 hash;
  for (size_t i = 0; i < hash.bytes.size(); ++i) hash.bytes[i] = static_cast<uint8_t>(i * 7);
  const auto fingerprint = MakePdqFingerprint(hash, 80, Profile::kFull, DecodeMode::kFast);
  EXPECT_EQ(PdqOf(fingerprint), hash);
  EXPECT_EQ(ValueFromHex(Algorithm::kPdq, ToHex(hash.bytes)).value(), fingerprint.value);
  EXPECT_EQ(fingerprint.quality, 80);
  EXPECT_EQ(fingerprint.profile, Profile::kFull);
  EXPECT_EQ(fingerprint.decode_mode, DecodeMode::kFast);
}

TEST(HammingDistance, CountsDifferingBits) {
  Pdq256 a;
  Pdq256 b;
  EXPECT_EQ(HammingDistance(a, b), 0);
  b.bytes[0] = 0x80;
  b.bytes[31] = 0x01;
  EXPECT_EQ(HammingDistance(a, b), 2);
  b.bytes.fill(0xFF);
  EXPECT_EQ(HammingDistance(a, b), 256);
}

}  // namespace
}  // namespace vigie
