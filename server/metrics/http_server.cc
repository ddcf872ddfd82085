#include "server/metrics/http_server.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

constexpr int kBacklog = 32;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
// What a caller still sends while it is answered is read and thrown away, up to this: otherwise the
// answer could be lost with the connection.
constexpr size_t kMaxIgnoredBytes = 1 << 20;

absl::Status Failed(const std::string& listen, std::string_view why) {
  return Error(absl::StatusCode::kUnavailable, "LISTEN_FAILED",
               absl::StrCat("cannot serve metrics on ", listen, ": ", ToAbsl(why)));
}

std::string_view Phrase(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

HttpAnswer Refusal(int code) {
  return {.code = code, .body = absl::StrCat(ToAbsl(Phrase(code)), "\n")};
}

std::string Written(const HttpAnswer& answer) {
  return absl::StrCat("HTTP/1.1 ", answer.code, " ", ToAbsl(Phrase(answer.code)),
                      "\r\nContent-Type: ", answer.type, "\r\nContent-Length: ", answer.body.size(),
                      answer.code == 405 ? "\r\nAllow: GET" : "",
                      "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n", answer.body);
}

// A listening socket; -1 and `why`.
int Listen(const std::string& host, const std::string& port, std::string* why) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); error != 0) {
    *why = gai_strerror(error);
    return -1;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  const int file = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  if (file >= 0) setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (file < 0 || bind(file, found->ai_addr, found->ai_addrlen) != 0 ||
      listen(file, kBacklog) != 0) {
    *why = strerror(errno);
    if (file >= 0) close(file);
    return -1;
  }
  return file;
}

std::string PortOf(int file) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  char port[NI_MAXSERV] = "0";
  if (getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, port, sizeof(port),
                NI_NUMERICSERV);
  }
  return port;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& listen,
                                                              Pages pages) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return Failed(listen, "an address has a port");
  // getaddrinfo() takes a port modulo 65536.
  unsigned port = 0;
  if (!absl::SimpleAtoi(listen.substr(colon + 1), &port) || port > 65535) {
    return Failed(listen, "a port is 0 to 65535");
  }
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string why;
  const int listener = Listen(host, listen.substr(colon + 1), &why);
  if (listener < 0) return Failed(listen, why);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    close(listener);
    return Failed(listen, "no files left");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(
      listener, ends[0], ends[1], absl::StrCat(listen.substr(0, colon), ":", PortOf(listener)),
      std::move(pages)));
}

HttpServer::HttpServer(int listener, int stop_read, int stop_write, std::string address,
                       Pages pages)
    : listener_(listener),
      stop_read_(stop_read),
      stop_write_(stop_write),
      address_(std::move(address)),
      pages_(std::move(pages)),
      thread_([this] { Run(); }) {}

HttpServer::~HttpServer() {
  [[maybe_unused]] const ssize_t told = write(stop_write_, "", 1);
  thread_.join();
  for (const auto& [file, connection] : connections_) close(file);
  for (const int file : {listener_, stop_read_, stop_write_}) close(file);
}

void HttpServer::Run() {
  std::vector<pollfd> files;
  while (true) {
    files = {{.fd = stop_read_, .events = POLLIN, .revents = 0},
             {.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const auto& [file, connection] : connections_) {
      const bool writing = !connection.answer.empty() && !connection.ended;
      files.push_back(
          {.fd = file, .events = static_cast<short>(writing ? POLLOUT : POLLIN), .revents = 0});
    }
    // Often enough to see when somebody's time is over.
    if (poll(files.data(), files.size(), connections_.empty() ? -1 : 250) < 0 && errno != EINTR) {
      return;
    }
    if (files[0].revents != 0) return;
    const auto now = std::chrono::steady_clock::now();
    for (size_t i = 2; i < files.size(); ++i) {
      const auto it = connections_.find(files[i].fd);
      if (files[i].revents == 0 && now < it->second.until) continue;
      if (now < it->second.until && Continue(it->second)) continue;
      close(it->first);
      connections_.erase(it);
    }
    if (files[1].revents != 0) Accept();
  }
}

void HttpServer::Accept() {
  const int file = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (file < 0) {
    // Without files left the listener stays readable: not at full speed.
    if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(kAcceptPause);
    return;
  }
  if (connections_.size() >= kMaxConnections) {
    // Who sends slowly gives way to who comes: a monitor's request is there at once.
    const auto oldest = std::min_element(
        connections_.begin(), connections_.end(),
        [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
    close(oldest->first);
    connections_.erase(oldest);
  }
  connections_.emplace(file, Connection{.file = file,
                                        .until = std::chrono::steady_clock::now() +
                                                 std::chrono::seconds(kMaxSeconds)});
}

bool HttpServer::Continue(Connection& connection) {
  char buffer[4096];
  while (connection.answer.empty() || connection.ended) {
    const ssize_t got = recv(connection.file, buffer, sizeof(buffer), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (connection.ended) {
      connection.ignored += static_cast<size_t>(got);
      if (connection.ignored > kMaxIgnoredBytes) return false;
      continue;
    }
    connection.request.append(buffer, static_cast<size_t>(got));
    const size_t end = connection.request.find("\r\n\r\n");
    if (end != std::string::npos) {
      connection.answer = Written(Answer(connection.request.substr(0, end)));
    } else if (connection.request.size() > kMaxRequestBytes) {
      connection.answer = Written(Refusal(431));
    }
  }
  while (connection.sent < connection.answer.size()) {
    const ssize_t sent = send(connection.file, connection.answer.data() + connection.sent,
                              connection.answer.size() - connection.sent, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    connection.sent += static_cast<size_t>(sent);
  }
  shutdown(connection.file, SHUT_WR);
  connection.ended = true;
  return true;
}

HttpAnswer HttpServer::Answer(const std::string& head) const {
  if (head.size() > kMaxRequestBytes) return Refusal(431);
  const std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0 ||
      !line.substr(last + 1).starts_with("HTTP/1.")) {
    return Refusal(400);
  }
  if (line.substr(0, first) != "GET") return Refusal(405);
  std::string_view path = line.substr(first + 1, last - first - 1);
  path = path.substr(0, path.find('?'));
  const auto page = pages_.find(path);
  return page == pages_.end() ? Refusal(404) : page->second();
}

}  // namespace vigie
