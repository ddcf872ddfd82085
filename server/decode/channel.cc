#include "server/decode/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace vigie::decode {
namespace {

// Waits until there is something to read, or `until`.
bool WaitForNews(int socket, SteadyTime until) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd asked{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready =
        poll(&asked, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // reading says what is wrong
    if (ready == 0 && left.count() <= 1'000'000) return false;
  }
}

void TakeFiles(msghdr& header, std::vector<File>* files) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      File file(fd);
      if (files != nullptr) files->push_back(std::move(file));
    }
  }
}

}  // namespace

void File::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

absl::Status DecoderFailed(std::string_view what, int error) {
  return Error(absl::StatusCode::kUnavailable, "DECODER_FAILED",
               error == 0 ? std::string(what) : absl::StrCat(ToAbsl(what), ": ", strerror(error)));
}

absl::StatusOr<SocketPair> MakeSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return DecoderFailed("no socket for a decoder", errno);
  }
  return SocketPair{.ours = File(ends[0]), .theirs = File(ends[1])};
}

bool SendMessage(int socket, std::span<const std::byte> message, std::span<const int> files) {
  iovec part{.iov_base = const_cast<std::byte*>(message.data()), .iov_len = message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFiles * sizeof(int))] = {};
  if (!files.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(files.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(files.size_bytes());
    std::memcpy(CMSG_DATA(rights), files.data(), files.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(message.size());
}

Received ReceiveMessage(int socket, SteadyTime until, std::span<std::byte> message, size_t* size,
                        std::vector<File>* files) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFiles * sizeof(int))];
  while (true) {
    if (!WaitForNews(socket, until)) return Received::kTooLate;
    iovec part{.iov_base = message.data(), .iov_len = message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (files != nullptr) {
      header.msg_control = control;
      header.msg_controllen = sizeof(control);
    }
    const ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return Received::kClosed;
    TakeFiles(header, files);
    *size = static_cast<size_t>(got) + ((header.msg_flags & MSG_TRUNC) != 0 ? 1 : 0);
    return Received::kMessage;
  }
}

bool HasNews(int socket) {
  pollfd asked{.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&asked, 1, 0) != 0;
}

}  // namespace vigie::decode
