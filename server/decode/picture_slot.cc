#include "server/decode/picture_slot.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie::decode {
namespace {

// Most uploads fit; what is beyond would be kept for none.
constexpr size_t kKeptBytes = size_t{1} << 20;
constexpr size_t kPage = 4096;

}  // namespace

absl::StatusOr<PictureSlot> PictureSlot::Make(size_t max_picture_bytes) {
  const size_t size = (std::max<size_t>(max_picture_bytes, 1) + kPage - 1) / kPage * kPage;
  File writable(memfd_create("vigie-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!writable.open() || ftruncate(writable.get(), static_cast<off_t>(size)) != 0 ||
      fcntl(writable.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return DecoderFailed("no memory for a decoder's pictures", errno);
  }
  // Opened once more for reading: a mapping of this one can never be made writable.
  const std::string path = absl::StrCat("/proc/self/fd/", writable.get());
  File readable(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.open()) return DecoderFailed("cannot open /proc/self/fd", errno);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, writable.get(), 0);
  if (memory == MAP_FAILED) return DecoderFailed("no memory for a decoder's pictures", errno);
  return PictureSlot(std::move(writable), std::move(readable), static_cast<unsigned char*>(memory),
                     size);
}

PictureSlot::PictureSlot(PictureSlot&& other) noexcept
    : writable_(std::move(other.writable_)),
      readable_(std::move(other.readable_)),
      memory_(std::exchange(other.memory_, nullptr)),
      size_(other.size_),
      written_(other.written_) {}

PictureSlot::~PictureSlot() {
  if (memory_ != nullptr) munmap(memory_, size_);
}

void PictureSlot::Write(Bytes picture) {
  written_ = picture.size();
  if (!picture.empty()) std::memcpy(memory_, picture.data(), picture.size());
}

void PictureSlot::Clear() {
  std::memset(memory_, 0, std::min(written_, kKeptBytes));
  if (written_ > kKeptBytes &&
      fallocate(writable_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kKeptBytes,
                static_cast<off_t>(size_ - kKeptBytes)) != 0) {
    std::memset(memory_ + kKeptBytes, 0, written_ - kKeptBytes);
  }
  written_ = 0;
}

}  // namespace vigie::decode
