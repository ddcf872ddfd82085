#include "server/auth/key_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "engine/base/digest.h"
#include "engine/store/sqlite_store.h"
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

TEST_F(KeyRingTest, ChangesOfOtherProcessesAreSeenAfterTheRefreshTime) {
  const NewKey first = Add();
  EXPECT_EQ(ReasonFor(first.text), "OK");
  const NewKey second = Add();
  EXPECT_EQ(ReasonFor(second.text), "KEY_INVALID");
  clock_.Advance(KeyRing::kRefreshUs);
  EXPECT_EQ(ReasonFor(second.text), "OK");
  ASSERT_TRUE(store_->RevokeKey(first.record.id, clock_.Now()).ok());
  clock_.Advance(KeyRing::kRefreshUs);
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

TEST_F(KeyRingTest, OrganisationsHaveNames) {
  for (const char* name : {"", "A", "a_b", "-a", "a-", "1"}) {
    EXPECT_EQ(ReasonOf(MakeKey(name, Role::kPlatform, "", 1).status()), "KEY_INVALID") << name;
  }
}

}  // namespace
}  // namespace vigie
