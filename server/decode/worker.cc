#include "server/decode/worker.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "server/decode/sandbox.h"
#include "server/decode/wire.h"

namespace vigie::decode {
namespace {

// The only calls that the wall lets through to the socket.
bool Send(std::span<const std::byte> message) {
  ssize_t sent = 0;
  do {
    sent = write(kWorkerSocket, message.data(), message.size());
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(message.size());
}

bool Receive(Question* question) {
  ssize_t got = 0;
  do {
    got = read(kWorkerSocket, question, sizeof(*question));
  } while (got < 0 && errno == EINTR);
  return got == sizeof(*question);
}

absl::StatusOr<Bytes> MapPicture(const File& picture) {
  struct stat facts {};
  if (fstat(picture.get(), &facts) != 0) return DecoderFailed("fstat", errno);
  const size_t size = static_cast<size_t>(facts.st_size);
  void* memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, picture.get(), 0);
  if (memory == MAP_FAILED) return DecoderFailed("mmap", errno);
  return Bytes(static_cast<const uint8_t*>(memory), size);
}

// Everything up to the wall, and the wall.
absl::StatusOr<Bytes> Prepare(File picture, const WorkerOptions& options) {
  VIGIE_ASSIGN_OR_RETURN(const Bytes slot, MapPicture(picture));
  // What libraries print about broken pictures is for nobody.
  if (!AddressSpaceIsUnlimited() && dup2(STDIN_FILENO, STDERR_FILENO) < 0) {
    return DecoderFailed("dup2", errno);
  }
  picture.Close();
  if (close_range(kWorkerSocket + 1, ~0U, 0) != 0) return DecoderFailed("close_range", errno);
  // A thread's own arena would reserve more address space than a picture is allowed.
  mallopt(M_ARENA_MAX, 1);
  VIGIE_RETURN_IF_ERROR(EnterSandbox(options.filter, options.extra_memory));
  return slot;
}

int64_t SteadyNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

int RunWorker(File socket, File picture, const WorkerOptions& options) {
  // First of all: until then this number is the spawner's own socket.
  if (dup2(socket.get(), kWorkerSocket) < 0) return 1;
  socket.Close();
  const auto slot = Prepare(std::move(picture), options);
  Ready ready;
  if (!slot.ok()) {
    const std::string_view why = MessageOf(slot.status());
    std::memcpy(ready.failure.data(), why.data(), std::min(why.size(), ready.failure.size() - 1));
    Send(BytesOf(ready));
    return 1;
  }
  if (!Send(BytesOf(ready))) return 0;
  PdqScratch scratch;
  Question question;
  while (Receive(&question)) {
    const Bytes bytes = slot->first(std::min(question.picture_bytes, slot->size()));
    const auto image = options.hash(bytes, question.options, scratch, [&question] {
      return SteadyNanoseconds() < question.deadline_ns;
    });
    if (!Send(EncodeAnswer(question.number, image))) return 0;
  }
  return 0;
}

}  // namespace vigie::decode
