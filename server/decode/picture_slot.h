// Memory that holds one picture at a time, written by the server and read by one worker.
#pragma once

#include <cstddef>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "server/decode/channel.h"

namespace vigie::decode {

// One thread at a time. Its size never changes, so that neither side can make the other's access
// fail; a worker can only read it.
class PictureSlot {
 public:
  // UNAVAILABLE, reason DECODER_FAILED.
  static absl::StatusOr<PictureSlot> Make(size_t max_picture_bytes);
  ~PictureSlot();
  PictureSlot(PictureSlot&& other) noexcept;
  PictureSlot& operator=(PictureSlot&&) = delete;

  size_t size() const { return size_; }
  // To be mapped by a worker; open for reading only.
  int file() const { return readable_.get(); }

  // At most size() bytes.
  void Write(Bytes picture);
  // Overwrites what Write() wrote, and gives the memory of a large picture back to the system.
  void Clear();

 private:
  PictureSlot(File writable, File readable, unsigned char* memory, size_t size)
      : writable_(std::move(writable)),
        readable_(std::move(readable)),
        memory_(memory),
        size_(size) {}

  File writable_;
  File readable_;
  unsigned char* memory_;
  size_t size_;
  size_t written_ = 0;
};

}  // namespace vigie::decode
