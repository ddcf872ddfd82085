// A few pages over HTTP/1, for monitors on the same machine.
//
// One thread and a fixed amount of memory, whoever connects: GET only, a bounded request, a bounded
// time for all of it, a bounded number of connections of which the oldest gives way. Every answer
// closes its connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "engine/base/status.h"

namespace vigie {

struct HttpAnswer {
  int code = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
};

class HttpServer {
 public:
  static constexpr size_t kMaxRequestBytes = 8192;
  static constexpr size_t kMaxConnections = 32;
  static constexpr int kMaxSeconds = 10;  // from its acceptance to the end of its answer

  // By path ("/metrics"); others are 404. Called by the server's thread, one at a time.
  using Pages = std::map<std::string, std::function<HttpAnswer()>, std::less<>>;

  // Listens on `listen` ("127.0.0.1:0", "[::1]:7444") and starts the thread. UNAVAILABLE, reason
  // LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& listen, Pages pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the port in use.
  const std::string& address() const { return address_; }

 private:
  struct Connection {
    int file = -1;
    std::chrono::steady_clock::time_point until;
    std::string request = {};
    std::string answer = {};  // empty: the request is not complete
    size_t sent = 0;
    size_t ignored = 0;
    bool ended = false;  // everything was sent, and the end of it said
  };
  HttpServer(int listener, int stop_read, int stop_write, std::string address, Pages pages);

  void Run();
  void Accept();
  // False: it is over.
  bool Continue(Connection& connection);
  HttpAnswer Answer(const std::string& head) const;

  const int listener_;
  const int stop_read_;  // readable: stop
  const int stop_write_;
  const std::string address_;
  const Pages pages_;
  std::map<int, Connection> connections_;  // by file
  std::thread thread_;
};

}  // namespace vigie
