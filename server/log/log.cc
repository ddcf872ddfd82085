#include "server/log/log.h"

#include <grpc/support/log.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace vigie {
namespace {

constexpr char kName[] = "vigie";
constexpr char kEvents[] = "events";  // the logger whose lines are fields already
constexpr char kTime[] = "%Y-%m-%dT%H:%M:%S.%eZ";

bool json_lines = false;                 // set once
std::shared_ptr<spdlog::logger> events;  // the same
std::string Quoted(std::string_view text) {
  // Whatever the bytes are, the line is valid.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const auto add = [&line](std::string_view text) {
      line.append(text.data(), text.data() + text.size());
    };
    const std::string_view payload(message.payload.data(), message.payload.size());
    const std::string_view logger(message.logger_name.data(), message.logger_name.size());
    add("{\"time\":\"");
    time_.format(message, line);
    const auto level = spdlog::level::to_string_view(message.level);
    add("\",\"level\":\"");
    add({level.data(), level.size()});
    if (logger == kEvents) {
      add("\",");
      add(payload);
    } else {
      add("\",\"message\":");
      add(Quoted(payload));
    }
    add("}\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  spdlog::pattern_formatter time_{kTime, spdlog::pattern_time_type::utc, ""};
};

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view FileOf(const char* path) {
  const std::string_view text(path);
  return text.substr(text.rfind('/') + 1);
}

void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  LogEvent(LogLevel::kWarning, "grpc")
      .Text("file", FileOf(args->file))
      .Number("line", args->line)
      .Write();
}

}  // namespace

void SetUpLog(const std::string& level, bool json) {
  json_lines = json;
  const auto logger = spdlog::stderr_color_mt(kName);
  events = std::make_shared<spdlog::logger>(kEvents, logger->sinks().front());
  if (json) {
    logger->sinks().front()->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->sinks().front()->set_pattern(std::string(kTime) + " %l %v");
    logger->sinks().front()->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        std::string(kTime) + " %l %v", spdlog::pattern_time_type::utc));
  }
  spdlog::set_default_logger(logger);
  SetLogLevel(level);
}

void SetLogLevel(const std::string& level) {
  spdlog::set_level(spdlog::level::from_str(level));
  events->set_level(spdlog::level::from_str(level));
}

void LogGrpcErrors() { gpr_set_log_function(LogFromGrpc); }

LogEvent::LogEvent(LogLevel level, std::string_view name)
    : level_(level), on_(events != nullptr && events->should_log(LevelOf(level))) {
  if (!on_) return;
  line_.reserve(256);
  if (json_lines) {
    line_ += "\"event\":";
    line_ += Quoted(name);
  } else {
    line_ += name;
  }
}

void LogEvent::Key(std::string_view key) {
  line_ += json_lines ? ",\"" : " ";
  line_ += key;
  line_ += json_lines ? "\":" : "=";
}

LogEvent& LogEvent::Text(std::string_view key, std::string_view value) {
  if (!on_ || value.empty()) return *this;
  Key(key);
  if (json_lines) {
    line_ += Quoted(value);
  } else {
    line_ += value;
  }
  return *this;
}

LogEvent& LogEvent::Number(std::string_view key, int64_t value) {
  if (!on_) return *this;
  Key(key);
  line_ += std::to_string(value);
  return *this;
}

void LogEvent::Write() {
  if (on_) events->log(LevelOf(level_), spdlog::string_view_t(line_.data(), line_.size()));
}

}  // namespace vigie
