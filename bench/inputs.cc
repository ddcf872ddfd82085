#include "bench/inputs.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <numeric>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "engine/store/sqlite_store.h"

namespace vigie::bench {
namespace {

constexpr char kList[] = "bench";
constexpr size_t kUploadBatch = 500;
constexpr int kQuality = 100;

const Principal& Flagger() {
  static const Principal flagger{.key_id = "bench-key",
                                 .organisation = "bench-flagger",
                                 .role = Role::kTrustedFlagger,
                                 .designation = Designation{.id = "bench"}};
  return flagger;
}

template <typename T>
T OrThrow(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(MessageOf(result.status())));
  return *std::move(result);
}

// Looked at one by one.
constexpr std::pair<std::string_view, std::string_view> kSameScene[] = {
    // A collage, and two of the photographs that it is made of.
    {"tulips_134143359_71fa8dd9a4", "tulips_132538273_335240fe5b_n"},
    {"tulips_134143359_71fa8dd9a4", "tulips_133858239_3eaa8a91fd_n"},
    // The two views of a stereo camera.
    {"motorcycle_left", "motorcycle_right"},
    // The same carton in front of the same shelf.
    {"Tropicana-Apple-Juice_003", "Tropicana-Apple-Juice_025"},
    // One dandelion before the same grape hyacinths, and closer.
    {"dandelion_16159487_3a6615a565_n", "dandelion_16987075_9a690a2183"},
};

}  // namespace

Pdq256 Random::Hash() {
  Pdq256 hash;
  for (uint8_t& byte : hash.bytes) byte = static_cast<uint8_t>(bits_());
  return hash;
}

Pdq256 Random::Near(const Pdq256& from, int distance) {
  Pdq256 near = from;
  while (HammingDistance(near, from) < distance) {
    const size_t bit = Below(256);
    const auto mask = static_cast<uint8_t>(1U << (bit % 8));
    near.bytes[bit / 8] =
        static_cast<uint8_t>((near.bytes[bit / 8] & ~mask) | (~from.bytes[bit / 8] & mask));
  }
  return near;
}

std::vector<Pdq256> RandomHashes(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Pdq256> hashes(count);
  for (Pdq256& hash : hashes) hash = random.Hash();
  return hashes;
}

std::vector<RowId> RowIds(size_t count) {
  std::vector<RowId> rows(count);
  std::iota(rows.begin(), rows.end(), RowId{1});
  return rows;
}

PixelView Picture::view() const {
  const size_t channels = order == ChannelOrder::kGray ? 1 : 3;
  return {.data = data.data(),
          .width = width,
          .height = height,
          .stride_bytes = static_cast<size_t>(width) * channels,
          .order = order};
}

Picture MakePicture(int width, int height, ChannelOrder order, uint64_t seed) {
  constexpr int kDiscs = 60;
  constexpr size_t kNoise = 8;
  Random random(seed);
  const size_t channels = order == ChannelOrder::kGray ? 1 : 3;
  Picture picture{.width = width, .height = height, .order = order, .data = {}};
  picture.data.assign(static_cast<size_t>(width) * static_cast<size_t>(height) * channels, 120);
  const auto at = [&](int x, int y) {
    return picture.data.data() +
           (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
               channels;
  };
  for (int disc = 0; disc < kDiscs; ++disc) {
    const int centre_x = static_cast<int>(random.Below(static_cast<size_t>(width)));
    const int centre_y = static_cast<int>(random.Below(static_cast<size_t>(height)));
    const int radius = width / 32 + static_cast<int>(random.Below(static_cast<size_t>(width) / 6));
    uint8_t shade[3];
    for (uint8_t& value : shade) value = static_cast<uint8_t>(random.Below(256 - kNoise));
    for (int y = std::max(0, centre_y - radius); y < std::min(height, centre_y + radius); ++y) {
      for (int x = std::max(0, centre_x - radius); x < std::min(width, centre_x + radius); ++x) {
        const int dx = x - centre_x;
        const int dy = y - centre_y;
        if (dx * dx + dy * dy < radius * radius) std::copy_n(shade, channels, at(x, y));
      }
    }
  }
  for (uint8_t& value : picture.data) {
    value = static_cast<uint8_t>(value + random.Below(kNoise));
  }
  return picture;
}

std::vector<uint8_t> ToJpeg(const Picture& picture) {
  constexpr int kJpegQuality = 90;
  const cv::Mat view(picture.height, picture.width,
                     picture.order == ChannelOrder::kGray ? CV_8UC1 : CV_8UC3,
                     const_cast<uint8_t*>(picture.data.data()));  // cv::Mat knows no const
  std::vector<uint8_t> file;
  cv::imencode(".jpg", view, file, {cv::IMWRITE_JPEG_QUALITY, kJpegQuality});
  return file;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "vigie-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

NewEntry EntryOf(const Pdq256& hash) {
  NewEntry entry;
  entry.fingerprints = {
      MakePdqFingerprint(hash, kQuality, Profile::kReference, DecodeMode::kExact)};
  return entry;
}

World::World(bool local) {
  Open(/*from_checkpoint=*/false, {});
  OrThrow(catalog_->CreateList(Flagger(), {.id = kList,
                                           .kind = ListKind::kBlock,
                                           .category = Category::kNcii,
                                           .settings = {.local = local}}));
}

void World::WriteCheckpoint() {
  const absl::Status status = catalog_->WriteCheckpoint(folder_.File("checkpoint"));
  if (!status.ok()) throw std::runtime_error(std::string(MessageOf(status)));
}

void World::Close() {
  catalog_.reset();
  store_.reset();
}

void World::Open(bool from_checkpoint, const LoadProgress& progress) {
  store_ = OrThrow(OpenSqliteStore(folder_.File("vigie.db")));
  CatalogOptions options;
  if (from_checkpoint) options.checkpoint_folder = folder_.File("checkpoint");
  catalog_ = OrThrow(Catalog::Open(*store_, SystemClock(), options, progress));
}

absl::StatusOr<UploadOutcome> World::Upload(std::span<const NewEntry> entries) {
  return catalog_->Upload(Flagger(), kList, entries);
}

std::vector<EntryNumber> World::Fill(std::span<const Pdq256> hashes) {
  std::vector<EntryNumber> numbers;
  while (numbers.size() < hashes.size()) {
    std::vector<NewEntry> batch;
    for (const Pdq256& hash : hashes.subspan(numbers.size())) {
      batch.push_back(EntryOf(hash));
      if (batch.size() == kUploadBatch) break;
    }
    for (const UploadResult& result : OrThrow(Upload(batch)).results) {
      if (!result.status.ok()) throw std::runtime_error(std::string(MessageOf(result.status)));
      numbers.push_back(result.entry.number);
    }
  }
  if (!catalog_->Maintain().ok()) throw std::runtime_error("index maintenance failed");
  return numbers;
}

bool ShowTheSame(const std::string& a, const std::string& b) {
  return std::any_of(std::begin(kSameScene), std::end(kSameScene), [&](const auto& pair) {
    const auto has = [](const std::string& name, std::string_view part) {
      return name.find(part) != std::string::npos;
    };
    return (has(a, pair.first) && has(b, pair.second)) ||
           (has(a, pair.second) && has(b, pair.first));
  });
}

}  // namespace vigie::bench
