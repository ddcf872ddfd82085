#include "server/log/trace.h"

#include <algorithm>
#include <random>

namespace vigie {
namespace {

// version "-" trace "-" parent "-" flags
constexpr size_t kVersion = 2;
constexpr size_t kTrace = 32;
constexpr size_t kParent = 16;
constexpr size_t kFlags = 2;
constexpr size_t kLength = kVersion + kTrace + kParent + kFlags + 3;
constexpr size_t kIdLength = 16;
constexpr size_t kMaxRequestId = 36;  // a UUID fits, most hashes of a picture do not
constexpr size_t kMd5Digits = 32;
constexpr char kDigits[] = "0123456789abcdef";

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

int ValueOf(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

}  // namespace

std::optional<Trace> ParseTraceparent(std::string_view header) {
  if (header.size() < kLength) return std::nullopt;
  const std::string_view version = header.substr(0, kVersion);
  const std::string_view trace = header.substr(kVersion + 1, kTrace);
  const std::string_view parent = header.substr(kVersion + kTrace + 2, kParent);
  const std::string_view flags = header.substr(kVersion + kTrace + kParent + 3, kFlags);
  if (!IsHex(version) || version == "ff" || !IsHex(trace) || !IsHex(parent) || !IsHex(flags) ||
      IsZero(trace) || IsZero(parent)) {
    return std::nullopt;
  }
  for (const size_t dash : {kVersion, kVersion + kTrace + 1, kVersion + kTrace + kParent + 2}) {
    if (header[dash] != '-') return std::nullopt;
  }
  if (header.size() > kLength && (version == "00" || header[kLength] != '-')) return std::nullopt;
  return Trace{.id = std::string(trace),
               .flags = static_cast<uint8_t>(ValueOf(flags[0]) * 16 + ValueOf(flags[1]))};
}

std::string FormatTraceparent(const Trace& trace, uint64_t span) {
  std::string header = "00-" + trace.id + "-" + FormatId(span) + "-";
  // Of the flags only "sampled" is known to version 00.
  header += '0';
  header += kDigits[trace.flags & 1];
  return header;
}

bool IsRequestId(std::string_view text) {
  const bool like_md5 =
      text.size() == kMd5Digits && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      });
  return !text.empty() && text.size() <= kMaxRequestId && !like_md5 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

uint64_t RandomId() {
  thread_local std::mt19937_64 random([] {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
  }());
  uint64_t id = 0;
  while (id == 0) id = random();
  return id;
}

std::string FormatId(uint64_t id) {
  std::string text(kIdLength, '0');
  for (auto c = text.rbegin(); c != text.rend(); ++c, id >>= 4) *c = kDigits[id & 15];
  return text;
}

}  // namespace vigie
