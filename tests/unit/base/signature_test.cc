#include "engine/base/signature.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace vigie {
namespace {

class Signatures : public ::testing::Test {
 protected:
  Signatures() : folder_(mkdtemp(name_.data())) {}
  ~Signatures() override { std::filesystem::remove_all(folder_); }
  std::string File(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string name_ = (std::filesystem::temp_directory_path() / "vigie-test-XXXXXX").string();
  const std::string folder_;
};

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// RFC 8032, section 7.1, test 2: secret, public key, message 0x72, signature.
TEST_F(Signatures, AreThoseOfTheStandard) {
  const std::string path = File("key");
  std::ofstream(path) << "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb\n";
  const auto key = SigningKey::LoadOrMake(path);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(ToHex(key->public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(ToHex(key->Sign(AsBytes("r"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST_F(Signatures, HoldForThisKeyAndMessageOnly) {
  const auto key = SigningKey::LoadOrMake(File("key"));
  const auto other = SigningKey::LoadOrMake(File("other"));
  ASSERT_TRUE(key.ok() && other.ok());
  EXPECT_NE(key->public_key(), other->public_key());
  Signature signature = key->Sign(AsBytes("message"));
  EXPECT_TRUE(VerifySignature(key->public_key(), AsBytes("message"), signature));
  EXPECT_FALSE(VerifySignature(key->public_key(), AsBytes("messagE"), signature));
  EXPECT_FALSE(VerifySignature(other->public_key(), AsBytes("message"), signature));
  signature[63] ^= 1;
  EXPECT_FALSE(VerifySignature(key->public_key(), AsBytes("message"), signature));
}

TEST_F(Signatures, TheKeyIsMadeOnceForItsOwnerOnly) {
  const std::string path = File("key");
  const auto made = SigningKey::LoadOrMake(path);
  ASSERT_TRUE(made.ok()) << made.status();
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const std::string text = Contents(path);
  const auto read = SigningKey::LoadOrMake(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->public_key(), made->public_key());
  EXPECT_EQ(Contents(path), text);
}

TEST_F(Signatures, AFileThatIsNoKeyIsNotReplaced) {
  const std::string path = File("key");
  for (const std::string text :
       {"", "abc\n", "not hex but of the length of a key, which is sixty-five bytes...\n"}) {
    std::ofstream(path, std::ios::trunc) << text;
    EXPECT_EQ(ReasonOf(SigningKey::LoadOrMake(path).status()), "FILE_UNUSABLE") << text;
    EXPECT_EQ(Contents(path), text);
  }
  EXPECT_EQ(ReasonOf(SigningKey::LoadOrMake(File("no/such/key")).status()), "FILE_FAILED");
}

}  // namespace
}  // namespace vigie
