#include "server/cli/list_file.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "engine/local/local_fingerprint.h"

namespace vigie {
namespace {

const std::string kHash(64, 'a');

struct Read {
  std::vector<v1::Entry> entries;
  std::vector<uint64_t> bad_lines;
};

Read ReadAll(const std::string& text) {
  std::istringstream in(text);
  ListFileReader reader(in);
  Read read;
  while (true) {
    auto entry = reader.Next();
    if (!entry.ok()) {
      EXPECT_EQ(ReasonOf(entry.status()), "LINE_INVALID");
      read.bad_lines.push_back(reader.line_number());
    } else if (entry->has_value()) {
      read.entries.push_back(**std::move(entry));
    } else {
      return read;
    }
  }
}

TEST(ListFile, TellsTheFormByItsFirstLine) {
  const std::string json = R"({"pdq":")" + kHash + R"(","external_reference":"x"})";
  for (const std::string& text :
       {kHash + ",100,x", "hash,filename\n" + kHash + ",x", "filename,pdq\nx," + kHash, json,
        "\xef\xbb\xbf" + kHash + ",,x\r\n", "# comment\n\n" + kHash + ",100,x\n",
        "\xef\xbb\xbf"
        "PDQ,Quality,External_Reference\r\n" +
            kHash + ",100,x\r\n"}) {
    const Read read = ReadAll(text);
    ASSERT_EQ(read.entries.size(), 1U) << text;
    EXPECT_TRUE(read.bad_lines.empty()) << text;
    EXPECT_EQ(read.entries[0].fingerprints(0).hex(), kHash);
    EXPECT_EQ(read.entries[0].fingerprints(0).quality(), 100);
    EXPECT_EQ(read.entries[0].external_reference(), "x");
  }
}

TEST(ListFile, GoesOnAfterABadLine) {
  const Read read = ReadAll(kHash + "\nbad\n" + kHash + ",101\n" + kHash + ",1,\xff\n" +
                            std::string(1 << 17, '0') + "\n" + kHash + ",7\n");
  EXPECT_EQ(read.bad_lines, (std::vector<uint64_t>{2, 3, 4, 5}));
  ASSERT_EQ(read.entries.size(), 2U);
  EXPECT_EQ(read.entries[1].fingerprints(0).quality(), 7);
}

TEST(ListFile, TakesUtf8AndNothingElse) {
  for (const char* good : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(ReadAll(kHash + ",1," + good).entries.size(), 1U) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xf0\x90\x80"}) {
    EXPECT_EQ(ReadAll(kHash + ",1," + bad).bad_lines.size(), 1U) << bad;
  }
}

TEST(ListFile, ReadsWhatItWrites) {
  std::mt19937 random(7);
  const std::string letters = "ab,\"\\' #{}[]:;\t\xc3\xa9";
  for (int round = 0; round < 500; ++round) {
    v1::Entry entry;
    const auto add = [&](v1::Algorithm algorithm, size_t digits) {
      v1::Fingerprint& fingerprint = *entry.add_fingerprints();
      fingerprint.set_algorithm(algorithm);
      for (size_t i = 0; i < digits; ++i) {
        fingerprint.mutable_hex()->push_back("0123456789abcdef"[random() % 16]);
      }
      if (algorithm == v1::PDQ) fingerprint.set_quality(60);
    };
    for (unsigned i = 0; i <= random() % 3; ++i) add(v1::PDQ, 64);
    if (random() % 2 == 0) add(v1::MD5, 32);
    if (random() % 2 == 0) add(v1::SHA1, 40);
    if (random() % 2 == 0) add(v1::SHA256, 64);
    std::string reference = "r";
    for (unsigned i = 0; i < random() % 12; ++i) {
      const size_t at = random() % (letters.size() - 1);
      reference += at == letters.size() - 2 ? "\xc3\xa9" : std::string(1, letters[at]);
    }
    entry.set_external_reference(reference);
    entry.set_subject(v1::MINOR);
    entry.set_case_reference("24/1");
    for (const auto format : {ListFormat::kJsonLines, ListFormat::kCsv, ListFormat::kPlain}) {
      std::string line;
      ASSERT_TRUE(WriteEntry(entry, format, &line));
      const std::string header = HeaderOf(format);
      const Read read = ReadAll(header + (header.empty() ? "" : "\n") + line + "\n");
      ASSERT_EQ(read.entries.size(), 1U) << line;
      EXPECT_EQ(read.entries[0].external_reference(), reference) << line;
      const int kept = format == ListFormat::kJsonLines ? entry.fingerprints_size() : 1;
      ASSERT_EQ(read.entries[0].fingerprints_size(), kept);
      for (int i = 0; i < kept; ++i) {
        EXPECT_EQ(read.entries[0].fingerprints(i).SerializeAsString(),
                  entry.fingerprints(i).SerializeAsString());
      }
      if (format != ListFormat::kJsonLines) continue;
      EXPECT_EQ(read.entries[0].subject(), v1::MINOR);
      EXPECT_EQ(read.entries[0].case_reference(), "24/1");
    }
  }
}

std::string LocalOf(size_t places) {
  LocalFingerprint local{.width = 512, .height = 384, .keypoints = {}, .descriptors = {}};
  for (size_t i = 0; i < places; ++i) {
    local.keypoints.push_back({.x = static_cast<uint16_t>(8 * i), .y = 16, .level = 1, .angle = 2});
    local.descriptors.emplace_back().bytes.fill(static_cast<uint8_t>(i));
  }
  return EncodeLocal(local);
}

std::string LineWith(const std::string& local) {
  return R"({"hash":")" + kHash + R"(","local":")" + local + "\"}\n";
}

TEST(ListFile, TakesLocalFingerprints) {
  const std::string local = LocalOf(180);
  const Read read = ReadAll(LineWith(absl::Base64Escape(local)) + LineWith("") + R"({"hash":")" +
                            kHash + R"(","local":null})");
  EXPECT_TRUE(read.bad_lines.empty());
  ASSERT_EQ(read.entries.size(), 3U);
  EXPECT_EQ(read.entries[0].local_fingerprint(), local);
  EXPECT_EQ(read.entries[1].local_fingerprint(), "");
  EXPECT_EQ(read.entries[2].local_fingerprint(), "");
}

TEST(ListFile, RefusesLocalFingerprintsThatAreNone) {
  const std::string good = LocalOf(20);
  std::string other_version = good;
  ++other_version[2];
  std::string outside = good;  // places beyond a width of 1
  outside[4] = 1;
  outside[5] = 0;
  for (const std::string& bad : {std::string("!"), std::string("a"), absl::Base64Escape("VL"),
                                 absl::Base64Escape(good.substr(1)), absl::Base64Escape(good + "x"),
                                 absl::Base64Escape(good.substr(0, good.size() - 1)),
                                 absl::Base64Escape(other_version), absl::Base64Escape(outside)}) {
    std::istringstream in(LineWith(bad) + LineWith(absl::Base64Escape(good)));
    ListFileReader reader(in);
    const auto refused = reader.Next();
    EXPECT_EQ(ReasonOf(refused.status()), "LINE_INVALID") << bad;
    const std::string message(refused.status().message());
    EXPECT_NE(message.find("vigie hash --local"), std::string::npos) << message;
    const auto next = reader.Next();
    ASSERT_TRUE(next.ok() && next->has_value()) << bad;
    EXPECT_EQ((*next)->local_fingerprint(), good);
  }
  EXPECT_EQ(ReadAll(R"({"hash":")" + kHash + R"(","local":5})").bad_lines.size(), 1U);
}

TEST(ListFile, WritesNoLocalFingerprint) {
  v1::Entry entry = ReadAll(LineWith(absl::Base64Escape(LocalOf(20)))).entries.at(0);
  for (const auto format : {ListFormat::kJsonLines, ListFormat::kCsv, ListFormat::kPlain}) {
    std::string with;
    std::string without;
    v1::Entry bare = entry;
    bare.clear_local_fingerprint();
    ASSERT_TRUE(WriteEntry(entry, format, &with) && WriteEntry(bare, format, &without));
    EXPECT_EQ(with, without);
  }
}

TEST(ListFile, FormsOfOnePdqValueLeaveOutEntriesWithoutOne) {
  v1::Entry entry;
  entry.add_fingerprints()->set_algorithm(v1::MD5);
  std::string line;
  EXPECT_FALSE(WriteEntry(entry, ListFormat::kPlain, &line));
  EXPECT_FALSE(WriteEntry(entry, ListFormat::kCsv, &line));
  EXPECT_TRUE(WriteEntry(entry, ListFormat::kJsonLines, &line));
}

}  // namespace
}  // namespace vigie
