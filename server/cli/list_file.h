// Files of fingerprints: the forms that `vigie list import` reads and `vigie list export` writes
// (docs/formats.md).
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "vigie/v1/lists.pb.h"

namespace vigie {

enum class ListFormat {
  kPlain,      // hash[,quality[,filename]] lines, as the field's tools print them
  kCsv,        // the first line names the columns
  kJsonLines,  // one object a line
};

// Reads entries one by one. The form is told by the first line.
class ListFileReader {
 public:
  explicit ListFileReader(std::istream& in) : in_(in) {}

  // The next entry; nullopt at the end. INVALID_ARGUMENT, reason LINE_INVALID, for a bad line:
  // calling again goes on with the line after it. DATA_LOSS, reason FILE_UNREADABLE, when reading
  // failed: there is no going on. Empty lines and lines that begin with '#' are passed over.
  absl::StatusOr<std::optional<v1::Entry>> Next();

  // The line of the last entry or error, from 1.
  uint64_t line_number() const { return line_number_; }
  // Bytes read so far.
  uint64_t bytes() const { return bytes_; }

 private:
  absl::StatusOr<v1::Entry> Parse(const std::string& line) const;
  absl::StatusOr<v1::Entry> ParseColumns(const std::vector<std::string>& fields) const;

  std::istream& in_;
  std::optional<ListFormat> format_;
  std::map<std::string, size_t> columns_;  // kCsv
  uint64_t line_number_ = 0;
  uint64_t bytes_ = 0;
};

// One line, without its end. kPlain and kCsv hold the first PDQ value only, kPlain only entries
// that act: false for the others. No form holds a local fingerprint.
bool WriteEntry(const v1::Entry& entry, ListFormat format, std::string* line);
// The first line of a file, or "".
std::string HeaderOf(ListFormat format);

// True for well-formed UTF-8 (RFC 3629), which is what a message can carry as text.
bool IsUtf8(std::string_view text);

}  // namespace vigie
