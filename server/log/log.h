// The server's log on standard error: one line an event, as text or as a JSON object. Plain
// messages go through spdlog; what has fields goes through LogEvent. Never a hash value, a key or a
// picture.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigie {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

// Sets up spdlog's default logger. `level` is a name ("debug", "info", "warning", "error"). With
// `json` every line is an object with "time", "level" and "message" or "event". Once, before there
// are other threads.
void SetUpLog(const std::string& level, bool json);

// From now on. Any thread.
void SetLogLevel(const std::string& level);

// gRPC's own errors go to the log too, as where in its source they were met: their texts may quote
// what a caller has sent.
void LogGrpcErrors();

// One line with fields: `name key=value ...`, or {"event":"name","key":value,...}. Costs nothing
// when its level is off. Keys and names are literals.
class LogEvent {
 public:
  LogEvent(LogLevel level, std::string_view name);

  bool on() const { return on_; }
  // An empty text is left out.
  LogEvent& Text(std::string_view key, std::string_view value);
  LogEvent& Number(std::string_view key, int64_t value);
  void Write();

 private:
  void Key(std::string_view key);

  const LogLevel level_;
  const bool on_;
  std::string line_;
};

}  // namespace vigie
