#include "server/cli/list_file.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

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
