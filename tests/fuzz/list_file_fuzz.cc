// Files of fingerprints: reading ends, and an entry that is read can be sent, written and read.
#include <cstdlib>
#include <sstream>
#include <string>

#include "server/cli/list_file.h"

namespace {

// What comes before the input, chosen by its first byte, so that short inputs reach every form.
constexpr const char* kBeginnings[] = {
    "",
    "hash,quality,external_reference,md5,sha1,sha256,subject,legal_basis\n",
    "filename,pdq\n\"",
    "{\"pdq\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",",
    "{\"md5\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"],\"external_reference\":\"",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,90,",
};

void CheckEntry(const vigie::v1::Entry& entry) {
  vigie::v1::Entry received;
  if (!received.ParseFromString(entry.SerializeAsString())) std::abort();
  std::string line;
  if (!vigie::WriteEntry(entry, vigie::ListFormat::kJsonLines, &line)) std::abort();
  std::istringstream again(line);
  vigie::ListFileReader reader(again);
  const auto same = reader.Next();
  if (!same.ok() || !same->has_value()) {
    if (line.size() > 64 << 10) return;  // longer in JSON than a line may be
    std::abort();
  }
  if ((*same)->SerializeAsString() != entry.SerializeAsString()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t choice = size == 0 ? 0 : data[0] % std::size(kBeginnings);
  std::istringstream in(kBeginnings[choice] +
                        std::string(reinterpret_cast<const char*>(data), size));
  vigie::ListFileReader reader(in);
  while (true) {
    const uint64_t before = reader.line_number();
    const auto entry = reader.Next();
    if (entry.ok() && !entry->has_value()) return 0;
    if (reader.line_number() <= before) std::abort();  // no progress
    if (entry.ok()) CheckEntry(**entry);
  }
}
