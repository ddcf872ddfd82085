#include "engine/base/certificate.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/base/digest.h"
#include "tests/support/client_certificate.h"

namespace vigie {
namespace {

using testing::kClientCertificate;

constexpr char kSha256[] = "bdf82319dac22f1862dbec953cc9350dd09c8736e15271a43f187e29aa57a759";

TEST(Certificate, TheBytesOfOneCertificateWhateverStandsAroundIt) {
  const auto der = CertificateFromPem(kClientCertificate);
  ASSERT_TRUE(der.has_value());
  EXPECT_EQ(ToHex(Sha256(AsBytes(*der))), kSha256);
  EXPECT_TRUE(IsCertificate(*der));
  const std::string pem(kClientCertificate);
  for (const std::string& text :
       {"Certificate:\n  Data\n" + pem, pem + "\n# the end\n", pem.substr(0, pem.size() - 1)}) {
    EXPECT_EQ(CertificateFromPem(text), der) << text;
  }
}

TEST(Certificate, AnythingElseIsRefused) {
  const std::string pem(kClientCertificate);
  const std::string key =
      "-----BEGIN PRIVATE "
      "KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
      "-----END PRIVATE KEY-----\n";
  std::string encrypted = pem;
  encrypted.insert(
      encrypted.find('\n') + 1,
      "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  std::string trusted = pem;
  for (size_t at = 0; (at = trusted.find(" CERTIFICATE", at)) != std::string::npos; at += 20) {
    trusted.insert(at, " TRUSTED");
  }
  const std::string damaged = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(1 << 20, '-'), std::string("\0\0\0", 3), key,
        pem + pem, pem + key, key + pem, pem + damaged, damaged, damaged + pem, encrypted, trusted,
        pem.substr(0, pem.size() / 2), pem.substr(10), pem + std::string(70'000, ' '),
        std::string("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")}) {
    EXPECT_FALSE(CertificateFromPem(text).has_value()) << text.substr(0, 200);
  }
}

TEST(Certificate, CutAndChangedTextNeverGivesTheSameBytes) {
  const std::string pem(kClientCertificate);
  const auto der = CertificateFromPem(pem);
  for (size_t size = 0; size + 10 < pem.size(); ++size) {
    EXPECT_FALSE(CertificateFromPem(pem.substr(0, size)).has_value()) << size;
  }
  std::mt19937 random(7);
  for (int i = 0; i < 5000; ++i) {
    std::string changed = pem;
    changed[random() % changed.size()] = static_cast<char>(random());
    const auto got = CertificateFromPem(changed);
    if (changed != pem && got == der) {
      // What does not stand for bits of it: line ends, and the bits after the last byte.
      std::string a = changed, b = pem;
      std::erase_if(a, [](unsigned char c) { return std::isspace(c) != 0; });
      std::erase_if(b, [](unsigned char c) { return std::isspace(c) != 0; });
      EXPECT_LE(a.size() > b.size() ? a.size() - b.size() : b.size() - a.size(), 1U) << changed;
    }
  }
}

TEST(Certificate, OnlyWholeCertificatesAreCertificates) {
  const std::string der = *CertificateFromPem(kClientCertificate);
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(IsCertificate(der.substr(0, size))) << size;
  }
  EXPECT_FALSE(IsCertificate(der + '\0'));
  EXPECT_FALSE(IsCertificate(der + der));
  EXPECT_FALSE(IsCertificate(std::string(100, '\xff')));
  std::mt19937 random(11);
  for (int i = 0; i < 5000; ++i) {  // must not crash; what is still one is another one
    std::string changed = der;
    for (size_t n = 1 + random() % 4; n > 0; --n) {
      changed[random() % changed.size()] = static_cast<char>(random());
    }
    (void)IsCertificate(changed);
  }
}

}  // namespace
}  // namespace vigie
