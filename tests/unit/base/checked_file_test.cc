#include "engine/base/checked_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

namespace vigie {
namespace {

class CheckedFile : public ::testing::Test {
 protected:
  CheckedFile() : folder_(mkdtemp(name_.data())) {}
  ~CheckedFile() override { std::filesystem::remove_all(folder_); }

  std::string File() const { return folder_ + "/data"; }

  FileSeal WriteNumbers(size_t count) {
    std::vector<uint32_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 7);
    CheckedFileWriter writer(File());
    EXPECT_TRUE(writer.Write<uint32_t>(numbers).ok());
    EXPECT_TRUE(writer.Align().ok());
    const auto seal = writer.Finish();
    EXPECT_TRUE(seal.ok()) << seal.status();
    return *seal;
  }

  absl::StatusOr<FileSeal> ReadNumbers(size_t count) {
    CheckedFileReader reader;
    VIGIE_RETURN_IF_ERROR(reader.Open(File()));
    std::vector<uint32_t> numbers(count);
    VIGIE_RETURN_IF_ERROR(reader.Read<uint32_t>(numbers));
    VIGIE_RETURN_IF_ERROR(reader.Align());
    FileSeal seal;
    VIGIE_ASSIGN_OR_RETURN(seal, reader.Finish());
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(numbers[i], i + 7);
    return seal;
  }

  std::string Bytes() const {
    std::ifstream file(File(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void SetBytes(const std::string& bytes) const {
    std::ofstream(File(), std::ios::binary) << bytes;
  }

 private:
  std::string name_ = (std::filesystem::temp_directory_path() / "vigie-test-XXXXXX").string();
  std::string folder_;
};

TEST_F(CheckedFile, GivesBackWhatWasWrittenToItsOwnerOnly) {
  for (const size_t count : {0, 1, 15, 16, 17, 700'000}) {
    const FileSeal seal = WriteNumbers(count);
    const auto read = ReadNumbers(count);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, seal);
    EXPECT_EQ(seal.size % kFileAlignment, sizeof(uint64_t));
    struct stat facts {};
    ASSERT_EQ(stat(File().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
    EXPECT_EQ(static_cast<uint64_t>(facts.st_size), seal.size);
    EXPECT_FALSE(std::filesystem::exists(File() + ".tmp"));
  }
}

TEST_F(CheckedFile, IsRefusedWhenCutExtendedOrChangedAnywhere) {
  WriteNumbers(40);
  const std::string whole = Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    SetBytes(whole.substr(0, size));
    EXPECT_EQ(ReasonOf(ReadNumbers(40).status()), "FILE_UNUSABLE") << size;
  }
  SetBytes(whole + 'x');
  EXPECT_EQ(ReasonOf(ReadNumbers(40).status()), "FILE_UNUSABLE");
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    SetBytes(changed);
    CheckedFileReader reader;
    ASSERT_TRUE(reader.Open(File()).ok());
    std::string content(reader.remaining(), ' ');
    ASSERT_TRUE(reader.Read(content.data(), content.size()).ok());
    EXPECT_EQ(ReasonOf(reader.Finish().status()), "FILE_UNUSABLE") << bit;
  }
}

TEST_F(CheckedFile, ThatWasNotFinishedLeavesTheOneBeforeIt) {
  WriteNumbers(5);
  {
    CheckedFileWriter writer(File());
    EXPECT_TRUE(writer.Write("half", 4).ok());
  }
  EXPECT_TRUE(ReadNumbers(5).ok());
  EXPECT_FALSE(std::filesystem::exists(File() + ".tmp"));
}

TEST_F(CheckedFile, SaysWhyItCannotBeReadOrWritten) {
  const auto missing = ReadNumbers(1);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  CheckedFileWriter writer(File() + "/no/such/folder");
  EXPECT_EQ(ReasonOf(writer.Write("x", 1)), "FILE_FAILED");
  EXPECT_EQ(ReasonOf(writer.Finish().status()), "FILE_FAILED");
  EXPECT_EQ(ReasonOf(SyncFolder(File() + "/none")), "FILE_FAILED");
}

}  // namespace
}  // namespace vigie
