#include "server/auth/key_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "engine/base/certificate.h"
#include "engine/base/digest.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/client_certificate.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

class KeyRingTest : public ::testing::Test {
 protected:
  KeyRingTest() : store_(OpenSqliteStore(folder_.File("vigie.db")).value()) {}

  NewKey Add(Role role = Role::kPlatform) {
    NewKey key = MakeKey("forum", role, "", clock_.Now()).value();
    EXPECT_TRUE(store_->InsertKey(key.record).ok());
    return key;
  }
  std::string ReasonFor(std::string_view text) {
    const auto principal = keys_.Authenticate(text);
    if (principal.ok()) return "OK";
    EXPECT_EQ(principal.status().code(), absl::StatusCode::kUnauthenticated);
    return ReasonOf(principal.status());
  }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  std::unique_ptr<Store> store_;
  KeyRing keys_{*store_, clock_};
};

TEST_F(KeyRingTest, AKeyNamesItsPrincipal) {
  const NewKey key = Add(Role::kAuthority);
  Add();
  const auto principal = keys_.Authenticate(key.text);
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ(principal->key_id, key.record.id);
  EXPECT_EQ(principal->organisation, "forum");
  EXPECT_EQ(principal->role, Role::kAuthority);
}

TEST_F(KeyRingTest, KeysDifferAndOnlyADigestOfTheSecretIsKept) {
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) {
    const NewKey key = MakeKey("forum", Role::kPlatform, "", 1).value();
    EXPECT_EQ(key.text.size(), 4 + 16 + 1 + 52U);
    texts.insert(key.text);
    const auto secret = FromBase32(key.text.substr(21));
    ASSERT_TRUE(secret.has_value());
    EXPECT_EQ(secret->size(), 32U);
    const auto digest = Sha256(AsBytes(*secret));
    EXPECT_EQ(key.record.digest, std::string(digest.begin(), digest.end()));
  }
  EXPECT_EQ(texts.size(), 100U);
}

TEST_F(KeyRingTest, EveryOtherTextIsRefused) {
  const NewKey key = Add();
  const NewKey other = Add();
  EXPECT_EQ(ReasonFor(""), "KEY_MISSING");
  for (size_t at = 0; at < key.text.size(); ++at) {
    std::string changed = key.text;
    changed[at] = changed[at] == 'a' ? 'b' : 'a';
    EXPECT_EQ(ReasonFor(changed), "KEY_INVALID") << at;
    EXPECT_EQ(ReasonFor(key.text.substr(0, at + 1)) == "OK", at + 1 == key.text.size());
  }
  EXPECT_EQ(ReasonFor(key.text.substr(0, 21) + other.text.substr(21)), "KEY_INVALID");
  EXPECT_EQ(ReasonFor(key.text + "a"), "KEY_INVALID");
  EXPECT_EQ(ReasonFor(key.text + "\n"), "KEY_INVALID");
  EXPECT_EQ(ReasonFor(std::string(1 << 20, '_')), "KEY_INVALID");
}

TEST_F(KeyRingTest, ANewKeyIsKnownAMomentAfterItWasMadeAndARevokedOneAfterTheRefreshTime) {
  const NewKey first = Add();
  EXPECT_EQ(ReasonFor(first.text), "OK");
  const NewKey second = Add();
  EXPECT_EQ(ReasonFor(second.text), "KEY_INVALID") << "unknown keys do not make it read each time";
  clock_.Advance(KeyRing::kLookAgainUs);
  EXPECT_EQ(ReasonFor(second.text), "OK");
  ASSERT_TRUE(store_->RevokeKey(first.record.id, clock_.Now()).ok());
  clock_.Advance(KeyRing::kRefreshUs - 1);
  EXPECT_EQ(ReasonFor(first.text), "OK") << "as it was read";
  clock_.Advance(1);
  EXPECT_EQ(ReasonFor(first.text), "KEY_REVOKED");
  EXPECT_EQ(ReasonFor(second.text), "OK");
  // Who does not know the secret learns nothing.
  EXPECT_EQ(ReasonFor(first.text.substr(0, 21) + second.text.substr(21)), "KEY_INVALID");
}

TEST_F(KeyRingTest, AClockThatIsSetBackDoesNotStopRevocation) {
  const NewKey key = Add();
  EXPECT_EQ(ReasonFor(key.text), "OK");
  clock_.Advance(-testing::kHourUs);
  ASSERT_TRUE(store_->RevokeKey(key.record.id, clock_.Now()).ok());
  EXPECT_EQ(ReasonFor(key.text), "KEY_REVOKED");
}

// Time that goes on while the wall clock is set back.
TEST(KeyRingTimes, AKeyEndsAtItsTimeAndAClockSetBackDoesNotReviveIt) {
  const testing::TemporaryFolder folder;
  const auto store = OpenSqliteStore(folder.File("vigie.db")).value();
  testing::FakeClock wall, elapsed;
  const ForwardClock clock(wall, elapsed);
  KeyRing keys(*store, clock);
  NewKey key = MakeKey("forum", Role::kPlatform, "", clock.Now()).value();
  key.record.until_us = clock.Now() + 1000;
  ASSERT_TRUE(store->InsertKey(key.record).ok());
  const auto reason = [&] { return ReasonOf(keys.Authenticate(key.text).status()); };
  const auto pass = [&](TimeUs time) {
    wall.Advance(time);
    elapsed.Advance(time);
  };
  EXPECT_EQ(reason(), "");
  pass(999);
  EXPECT_EQ(reason(), "");
  pass(1);
  EXPECT_EQ(reason(), "KEY_EXPIRED") << "without waiting for a refresh";
  wall.Advance(-testing::kHourUs);
  EXPECT_EQ(reason(), "KEY_EXPIRED");
  EXPECT_EQ(ReasonOf(keys.Authenticate(key.text.substr(0, 21) + std::string(52, 'a')).status()),
            "KEY_INVALID")
      << "who does not know the secret learns nothing";
  ASSERT_TRUE(store->RevokeKey(key.record.id, clock.Now()).ok());
  pass(KeyRing::kRefreshUs);
  EXPECT_EQ(reason(), "KEY_REVOKED");
}

TEST_F(KeyRingTest, APrincipalKnowsWhatItsOrganisationMayDo) {
  const NewKey key = Add(Role::kTrustedFlagger);
  EXPECT_EQ(keys_.Authenticate(key.text)->designation, std::nullopt);
  const Designation designation{.id = "D", .categories = 8, .from_us = 1, .until_us = 2};
  ASSERT_TRUE(store_
                  ->SetOrganisation({.id = "forum",
                                     .designation = designation,
                                     .daily_entries = 77,
                                     .checks_per_second = 78,
                                     .images_per_second = 79,
                                     .created_us = 1,
                                     .updated_us = 1})
                  .ok());
  ASSERT_TRUE(store_->SetOrganisation({.id = "another", .daily_entries = 5}).ok());
  EXPECT_EQ(keys_.Authenticate(key.text)->designation, std::nullopt) << "read again in a moment";
  clock_.Advance(KeyRing::kRefreshUs);
  EXPECT_EQ(keys_.Authenticate(key.text)->designation, designation);
  EXPECT_EQ(keys_.Authenticate(key.text)->daily_entries, 77);
  EXPECT_EQ(keys_.Authenticate(key.text)->checks_per_second, 78);
  EXPECT_EQ(keys_.Authenticate(key.text)->images_per_second, 79);
}

class CertificateTest : public KeyRingTest {
 protected:
  CertificateTest()
      : record_(MakeCertificateKey(testing::kClientCertificate, "forum", Role::kPlatform, "", 1)
                    .value()) {}

  std::string ReasonOfCertificate(std::string_view pem) {
    const auto principal = keys_.AuthenticateCertificate(pem);
    if (principal.ok()) return "OK";
    EXPECT_EQ(principal.status().code(), absl::StatusCode::kUnauthenticated);
    return ReasonOf(principal.status());
  }

  KeyRecord record_;
};

TEST_F(CertificateTest, ARegisteredCertificateNamesItsPrincipalUntilItEnds) {
  EXPECT_EQ(ReasonOfCertificate(testing::kClientCertificate), "CERTIFICATE_UNKNOWN");
  record_.until_us = clock_.Now() + testing::kHourUs;
  ASSERT_TRUE(store_->InsertKey(record_).ok());
  EXPECT_EQ(ReasonOfCertificate(testing::kClientCertificate), "CERTIFICATE_UNKNOWN")
      << "read again in a moment";
  clock_.Advance(KeyRing::kLookAgainUs);
  const auto principal =
      keys_.AuthenticateCertificate(std::string("a note\n") + testing::kClientCertificate);
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ(principal->key_id, record_.id);
  EXPECT_EQ(principal->organisation, "forum");
  EXPECT_EQ(principal->role, Role::kPlatform);
  for (const char* other : {"", "x", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(ReasonOfCertificate(other), "CERTIFICATE_UNKNOWN") << other;
  }
  EXPECT_EQ(
      ReasonOfCertificate(std::string(testing::kClientCertificate) + testing::kClientCertificate),
      "CERTIFICATE_UNKNOWN");
  clock_.Advance(testing::kHourUs);
  EXPECT_EQ(ReasonOfCertificate(testing::kClientCertificate), "KEY_EXPIRED");
  ASSERT_TRUE(store_->RevokeKey(record_.id, clock_.Now()).ok());
  clock_.Advance(KeyRing::kRefreshUs);
  EXPECT_EQ(ReasonOfCertificate(testing::kClientCertificate), "KEY_REVOKED");
}

TEST_F(CertificateTest, ACertificateIsNoSecretAndASecretNoCertificate) {
  ASSERT_TRUE(store_->InsertKey(record_).ok());
  const std::string der = *CertificateFromPem(testing::kClientCertificate);
  // Its digest is that of its bytes, which anybody may have seen.
  EXPECT_EQ(ReasonFor("vgk_" + record_.id + "_" + ToBase32(AsBytes(der))), "KEY_INVALID");
  // A key whose secret would be the certificate's bytes.
  KeyRecord secret = MakeKey("forum", Role::kOperator, "", 1)->record;
  secret.digest = record_.digest;
  ASSERT_TRUE(store_->RevokeKey(record_.id, 2).ok());
  ASSERT_TRUE(store_->InsertKey(secret).ok());
  clock_.Advance(KeyRing::kRefreshUs);
  EXPECT_EQ(ReasonOfCertificate(testing::kClientCertificate), "KEY_REVOKED");
}

TEST_F(CertificateTest, WhatIsNoCertificateIsNotRegistered) {
  std::string damaged(testing::kClientCertificate);
  damaged[40] = damaged[40] == 'A' ? 'B' : 'A';  // still base64, but no certificate
  for (const std::string& pem :
       {std::string(), std::string("x"),
        std::string(testing::kClientCertificate) + testing::kClientCertificate, damaged}) {
    EXPECT_EQ(ReasonOf(MakeCertificateKey(pem, "forum", Role::kPlatform, "", 1).status()),
              "CERTIFICATE_INVALID")
        << pem;
  }
  EXPECT_EQ(
      ReasonOf(
          MakeCertificateKey(testing::kClientCertificate, "A", Role::kPlatform, "", 1).status()),
      "KEY_INVALID");
}

TEST_F(KeyRingTest, OrganisationsHaveNames) {
  for (const char* name : {"", "A", "a_b", "-a", "a-", "1"}) {
    EXPECT_EQ(ReasonOf(MakeKey(name, Role::kPlatform, "", 1).status()), "KEY_INVALID") << name;
  }
}

}  // namespace
}  // namespace vigie
