#include "server/app/config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

TEST(Settings, EveryValueReadsBackWhatItPrints) {
  const Config defaults;
  std::set<std::string_view> keys;
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_FALSE(setting.help.empty());
    Config config;
    EXPECT_TRUE(setting.set(config, setting.get(defaults)).ok()) << setting.key;
    EXPECT_EQ(setting.get(config), setting.get(defaults)) << setting.key;
  }
}

TEST(Settings, HaveFlagsAndVariables) {
  const auto& settings = Settings();
  const auto it = std::find_if(settings.begin(), settings.end(), [](const Setting& setting) {
    return setting.key == "limits.max_image_bytes";
  });
  ASSERT_NE(it, settings.end());
  EXPECT_EQ(it->flag(), "--limits.max_image_bytes");
  EXPECT_EQ(it->environment(), "VIGIE_LIMITS_MAX_IMAGE_BYTES");
}

TEST(Settings, RefuseWhatIsNotWhollyANumberOrAWord) {
  for (const Setting& setting : Settings()) {
    Config config;
    const std::string before = setting.get(config);
    const bool text = setting.key == "data_dir" || setting.key == "listen" ||
                      setting.key == "tls.certificate" || setting.key == "tls.key" ||
                      setting.key == "tls.client_ca" || setting.key == "policy.file" ||
                      setting.key == "metrics.listen";
    for (const char* bad : {"", " 1", "1 ", "1x", "-1", "0x10", "1.5", "99999999999999999999",
                            "TRUE", "yes", "Info"}) {
      const absl::Status status = setting.set(config, bad);
      if (text) continue;
      EXPECT_EQ(ReasonOf(status), "CONFIG_INVALID") << setting.key << " = " << bad;
      EXPECT_EQ(setting.get(config), before);
      EXPECT_NE(std::string(status.message()).find(setting.key), std::string::npos);
    }
  }
}

TEST(IsLoopback, KnowsThisMachineAndNothingThatMerelyLooksLikeIt) {
  for (const char* address : {"127.0.0.1:1", "127.0.0.1", "127.255.0.9:80", "localhost:7443",
                              "localhost", "[::1]:7443"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address :
       {"", ":7443", "0.0.0.0:1", "[::]:1", "127.0.0.1.example.org:1", "127.evil.example:1",
        "localhost.example.org:1", "128.0.0.1:1", "12.127.0.1:1", "dns:///127.0.0.1:1",
        "127.0.0.1:1,192.0.2.1:1", "127.0.0.1@192.0.2.1:1", "unix:/tmp/socket", "[::1%eth0]:1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(CheckConfig, PlaintextStaysOnThisMachineUnlessAllowed) {
  Config config;
  EXPECT_TRUE(CheckConfig(config).ok());
  config.listen = "0.0.0.0:7443";
  EXPECT_EQ(ReasonOf(CheckConfig(config)), "CONFIG_INVALID");
  config.allow_plaintext = true;
  EXPECT_TRUE(CheckConfig(config).ok());
  config.tls_key = "/dev/null";
  EXPECT_FALSE(CheckConfig(config).ok());
  config.tls_certificate = "/dev/null";
  EXPECT_FALSE(CheckConfig(config).ok()) << "the files are read: tls_files_test.cc";
  config.tls_client_ca = "/dev/null";
  config.tls_certificate = config.tls_key = "";
  config.listen = "127.0.0.1:1";
  EXPECT_FALSE(CheckConfig(config).ok()) << "who signs clients needs TLS";
  config.tls_client_ca = "";
  config.listen = "no port";
  EXPECT_FALSE(CheckConfig(config).ok());
}

TEST(ReadConfigFile, SetsWhatTheFileSaysAndLeavesTheRest) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.File("vigie.toml");
  std::ofstream(path) << "# a comment\nlisten = \"127.0.0.1:1\"\n[server]\nqueue = 1_000\n"
                         "[tls]\nallow_plaintext = true\n";
  Config config;
  ASSERT_TRUE(ReadConfigFile(path, &config).ok());
  EXPECT_EQ(config.listen, "127.0.0.1:1");
  EXPECT_EQ(config.queue, 1000);
  EXPECT_TRUE(config.allow_plaintext);
  EXPECT_EQ(config.data_dir, Config{}.data_dir);
}

TEST(ReadConfigFile, NamesFileAndLineOfWhatItRefuses) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.File("vigie.toml");
  for (const char* text : {"\nunknown = 1", "\nserver.queue = 0", "\nserver.queue = [1]",
                           "\nlisten = 1979-05-27", "\n\"\" = 1", "\nlisten = ", "a.b.c = 1"}) {
    std::ofstream(path) << text;
    Config config;
    const absl::Status status = ReadConfigFile(path, &config);
    EXPECT_EQ(ReasonOf(status), "CONFIG_INVALID") << text;
    EXPECT_EQ(std::string(status.message()).rfind(path + ": line ", 0), 0U) << status;
  }
}

}  // namespace
}  // namespace vigie
