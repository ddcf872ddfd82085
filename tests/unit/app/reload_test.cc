#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "server/app/config.h"

namespace vigie {
namespace {

// Another value than the default that the setting takes.
std::string OtherValue(const Setting& setting) {
  const Config defaults;
  const std::string now = setting.get(defaults);
  for (const char* text : {"true", "false", "7", "8", "4096"}) {
    Config config;
    if (setting.set(config, text).ok() && setting.get(config) != now) return text;
  }
  for (const std::string& text : setting.accepted) {
    if (text != now) return text;
  }
  return "other";
}

TEST(CompareForReload, PutsEachLiveSettingInForceAndNamesTheOthers) {
  Config defaults;
  defaults.tls_certificate = defaults.tls_key = defaults.tls_client_ca = std::string("one");
  size_t live = 0;
  for (const Setting& setting : Settings()) {
    Config wanted = defaults;
    ASSERT_TRUE(setting.set(wanted, OtherValue(setting)).ok()) << setting.key;
    ASSERT_NE(setting.get(wanted), setting.get(defaults)) << setting.key;
    const ConfigChanges changes = CompareForReload(defaults, wanted);
    EXPECT_EQ(changes.applied.size(), setting.live ? 1 : 0) << setting.key;
    EXPECT_EQ(changes.need_restart.size(), setting.live ? 0 : 1) << setting.key;
    EXPECT_EQ(setting.get(changes.next), setting.get(setting.live ? wanted : defaults));
    live += setting.live ? 1 : 0;
  }
  EXPECT_GE(live, 7);
}

TEST(CompareForReload, NothingDiffersFromItself) {
  const ConfigChanges changes = CompareForReload(Config{}, Config{});
  EXPECT_TRUE(changes.applied.empty());
  EXPECT_TRUE(changes.need_restart.empty());
}

TEST(CompareForReload, TlsDoesNotBeginOrEnd) {
  Config with;
  with.tls_certificate = std::string("a");
  with.tls_key = std::string("b");
  with.tls_client_ca = std::string("c");
  for (const auto& [from, to] : {std::pair(Config{}, with), std::pair(with, Config{})}) {
    const ConfigChanges changes = CompareForReload(from, to);
    EXPECT_TRUE(changes.applied.empty());
    EXPECT_EQ(changes.need_restart.size(), 3);
    EXPECT_EQ(changes.next.tls_key, from.tls_key);
  }
}

TEST(CompareForReload, APolicyMayBeginAndEnd) {
  Config with;
  with.policy_file = std::string("policy.toml");
  EXPECT_EQ(CompareForReload(Config{}, with).next.policy_file, "policy.toml");
  EXPECT_EQ(CompareForReload(with, Config{}).next.policy_file, "");
}

}  // namespace
}  // namespace vigie
