// What the micro benchmarks run on: pictures, hashes and a catalogue, the same in every run and on
// every machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/digest.h"
#include "engine/base/fingerprint.h"
#include "engine/base/pixels.h"
#include "engine/base/types.h"
#include "engine/catalog/catalog.h"
#include "engine/store/store.h"

namespace vigie::bench {

// Seeded; integers only, because the standard's distributions differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}

  size_t Below(size_t limit) { return bits_() % limit; }
  Pdq256 Hash();
  // `from` with exactly `distance` of its bits turned.
  Pdq256 Near(const Pdq256& from, int distance);

 private:
  std::mt19937_64 bits_;
};

std::vector<Pdq256> RandomHashes(size_t count, uint64_t seed);
// 1, 2, ... count.
std::vector<RowId> RowIds(size_t count);

struct Picture {
  int width = 0;
  int height = 0;
  ChannelOrder order = ChannelOrder::kGray;
  std::vector<uint8_t> data;  // rows without padding

  PixelView view() const;
};

// Discs of random places, sizes and shades under a little noise: edges, flat parts and texture, as
// a photograph has. `order` is kGray or kBgr. Arithmetic on integers only.
Picture MakePicture(int width, int height, ChannelOrder order, uint64_t seed);

// `picture` as a JPEG file of quality 90. Throws cv::Exception.
std::vector<uint8_t> ToJpeg(const Picture& picture);

// A new folder that goes with its content. It lies where TMPDIR says, which decides what a durable
// write costs.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string File(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A catalogue over a new database, as the server opens it, with one list. Throws
// std::runtime_error when it cannot be made.
class World {
 public:
  // `local`: its list takes local fingerprints.
  explicit World(bool local = false);

  Catalog& catalog() { return *catalog_; }

  // Uploads one entry for each hash and lets the index settle. Throws when one is refused.
  // The entries' numbers are in the order of the hashes.
  std::vector<EntryNumber> Fill(std::span<const Pdq256> hashes);
  absl::StatusOr<UploadOutcome> Upload(std::span<const NewEntry> entries);

  // Where the database and the checkpoint lie.
  std::string folder() const { return folder_.File(""); }
  void WriteCheckpoint();
  // Ends the catalogue, so that only what is on disk is left, and opens it again as a start does.
  void Close();
  void Open(bool from_checkpoint, const LoadProgress& progress);

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
};

// True for the names of two photographs of data/photos that do show the same thing: to find one in
// the other is not wrong, and is counted apart.
bool ShowTheSame(const std::string& a, const std::string& b);

// Who uploads to a World's list, and whose uploads are checked against it.
inline constexpr char kPlatform[] = "bench-platform";
NewEntry EntryOf(const Pdq256& hash);

}  // namespace vigie::bench
