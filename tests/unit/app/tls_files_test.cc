#include "server/app/tls_files.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "server/app/credentials.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

constexpr TimeUs kBegin = int64_t{1'700'000'000} * kSecondUs;
constexpr TimeUs kEnd = kBegin + 30 * kDayUs;

std::string PemOf(const auto& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(write(bio), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

struct Pair {
  std::string certificate;
  std::string key;
};

// Signed by itself, valid from `begin` to kEnd.
Pair MakePair(TimeUs begin = kBegin) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0xBEEF);
  ASN1_TIME_set(X509_getm_notBefore(certificate), begin / kSecondUs);
  ASN1_TIME_set(X509_getm_notAfter(certificate), kEnd / kSecondUs);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  Pair pair{PemOf([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
            PemOf([&](BIO* bio) {
              return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
            })};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

class TlsFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { Write(pair_.certificate, pair_.key); }

  void Write(const std::string& certificate, const std::string& key) {
    std::ofstream(files_.certificate, std::ios::binary) << certificate;
    std::ofstream(files_.key, std::ios::binary) << key;
  }

  // Refused, with a message that names `file`.
  void ExpectRefused(const std::string& file, TimeUs now = kBegin + kDayUs) {
    const auto read = ReadTlsFiles(files_, now);
    EXPECT_EQ(ReasonOf(read.status()), "CONFIG_INVALID");
    EXPECT_NE(std::string(read.status().message()).find(file), std::string::npos)
        << read.status().message();
  }

  const Pair pair_ = MakePair();
  testing::TemporaryFolder folder_;
  TlsFiles files_{folder_.File("chain.pem"), folder_.File("key.pem"), ""};
};

TEST_F(TlsFilesTest, AGoodPairIsReadWithWhatTheLogSaysOfIt) {
  const auto read = ReadTlsFiles(files_, kBegin + kDayUs);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->certificate, pair_.certificate);
  EXPECT_EQ(read->key, pair_.key);
  EXPECT_EQ(read->serial, "BEEF");
  EXPECT_EQ(read->not_after, kEnd);
}

TEST_F(TlsFilesTest, ItIsOfUseFromItsFirstSecondToTheOneBeforeItsLast) {
  EXPECT_TRUE(ReadTlsFiles(files_, kBegin).ok());
  EXPECT_TRUE(ReadTlsFiles(files_, kEnd - 1).ok());
  ExpectRefused(files_.certificate, kEnd);
  ExpectRefused(files_.certificate, kBegin - 1);
}

TEST_F(TlsFilesTest, AKeyOfAnotherCertificateIsRefused) {
  Write(pair_.certificate, MakePair().key);
  ExpectRefused(files_.key);
}

TEST_F(TlsFilesTest, EveryBeginningOfAFileThatIsNotTheWholeIsRefused) {
  // As a reader meets it who comes while it is written. The last line ends may be missing.
  for (size_t size = 0; size + 2 < pair_.certificate.size(); ++size) {
    Write(pair_.certificate.substr(0, size), pair_.key);
    ExpectRefused(files_.certificate);
  }
  for (size_t size = 0; size + 2 < pair_.key.size(); ++size) {
    Write(pair_.certificate, pair_.key.substr(0, size));
    ExpectRefused(files_.key);
  }
}

TEST_F(TlsFilesTest, ACertificateOfTheChainThatIsDamagedIsRefused) {
  const std::string second = MakePair().certificate;
  Write(pair_.certificate + second, pair_.key);
  EXPECT_TRUE(ReadTlsFiles(files_, kBegin).ok());
  Write(pair_.certificate + second.substr(0, second.size() / 2), pair_.key);
  ExpectRefused(files_.certificate);
}

TEST_F(TlsFilesTest, AnAuthorityOfClientsIsReadToo) {
  files_.client_ca = folder_.File("ca.pem");
  ExpectRefused(files_.client_ca);
  std::ofstream(files_.client_ca) << pair_.key;
  ExpectRefused(files_.client_ca);
  std::ofstream(files_.client_ca) << pair_.certificate;
  const auto read = ReadTlsFiles(files_, kBegin);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->client_ca, pair_.certificate);
}

TEST_F(TlsFilesTest, TheStateOfTheFilesTellsThatOneWasReplacedOrIsGone) {
  const std::string before = StateOf(files_);
  EXPECT_EQ(StateOf(files_), before);
  std::ofstream(files_.key + ".new") << pair_.key;  // the same in it
  std::filesystem::rename(files_.key + ".new", files_.key);
  const std::string after = StateOf(files_);
  EXPECT_NE(after, before);
  std::filesystem::remove(files_.certificate);
  EXPECT_NE(StateOf(files_), after);
}

size_t Count(std::string_view text, std::string_view words) {
  size_t count = 0;
  for (size_t at = text.find(words); at != text.npos; at = text.find(words, at + 1)) ++count;
  return count;
}

TEST_F(TlsFilesTest, APairThatIsNotValidYetIsTakenUpWhenItIs) {
  testing::FakeClock clock;
  clock.Advance(kBegin + kDayUs - clock.Now());
  const auto tls = ServerTls::Open(files_, clock);
  ASSERT_TRUE(tls.ok()) << tls.status();
  const Pair next = MakePair(kBegin + 2 * kDayUs);
  Write(next.certificate, next.key);
  ::testing::internal::CaptureStdout();
  for (int i = 0; i < 10; ++i) {
    (*tls)->Look();
    clock.Advance(kSecondUs);
  }
  const std::string refused = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(Count(refused, "are of no use"), 1U) << refused;
  EXPECT_EQ(Count(refused, "new connections are shown"), 0U) << refused;
  clock.Advance(kDayUs);
  ::testing::internal::CaptureStdout();
  (*tls)->Look();
  const std::string taken = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(Count(taken, "new connections are shown"), 1U) << taken;
}

TEST(UtcText, IsTheFormOfTheInternet) {
  EXPECT_EQ(UtcText(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(UtcText(kBegin), "2023-11-14T22:13:20Z");
}

}  // namespace
}  // namespace vigie
