// What `vigie list import` does: entries from somewhere, sent to a list, and a report of what
// became of them.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "engine/base/status.h"
#include "server/cli/client.h"
#include "server/cli/list_file.h"
#include "vigie/v1/lists.pb.h"

namespace vigie {

// An entry to send, or why there is none.
struct ImportItem {
  std::string place;  // where it comes from, for people: "line 7", "sub/a.jpg"
  absl::StatusOr<v1::Entry> entry;
  uint64_t done = 0;  // of EntrySource::total(), with this one
};

// Where the entries of an import come from.
class EntrySource {
 public:
  virtual ~EntrySource() = default;

  // What total() counts: "bytes", "pictures".
  virtual const char* unit() const = 0;
  // How much there is; 0: not known.
  virtual uint64_t total() const = 0;
  // Hands over all items, in order, on the calling thread, until `take` returns false. An item
  // without an entry is a refused one, and the next follows; an error is of the source itself, and
  // there is no going on. Once.
  virtual absl::Status ForEach(const std::function<bool(ImportItem)>& take) = 0;
};

// The lines of a list file of `bytes` bytes (0: not known). `in` outlives it.
class FileSource final : public EntrySource {
 public:
  FileSource(std::istream& in, uint64_t bytes) : reader_(in), bytes_(bytes) {}

  const char* unit() const override { return "bytes"; }
  uint64_t total() const override { return bytes_; }
  absl::Status ForEach(const std::function<bool(ImportItem)>& take) override;

 private:
  ListFileReader reader_;
  const uint64_t bytes_;
};

struct ImportOptions {
  std::string parent;  // "lists/{list}"
  bool dry_run = false;
  bool json = false;  // the report
};

// Sends what `source` has, names on standard error what is refused, and prints the report. Returns
// the exit code.
int ImportFrom(EntrySource& source, const Client& client, const ImportOptions& options);

}  // namespace vigie
