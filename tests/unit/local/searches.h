// What is known, what is asked, and what was found.
#pragma once

#include <set>

#include "engine/local/extract.h"
#include "engine/local/local_index.h"
#include "tests/support/pictures.h"

namespace vigie::testing {

inline LocalFingerprint Known(const Picture& picture) {
  return ExtractLocal(picture.view(), kKnownKeypoints);
}
inline LocalFingerprint Upload(const Picture& picture) {
  return ExtractLocal(picture.view(), kUploadKeypoints);
}

inline std::set<EntryNumber> EntriesOf(const LocalSearchResult& result) {
  std::set<EntryNumber> entries;
  for (const LocalMatch& match : result.matches) entries.insert(match.entry);
  return entries;
}

}  // namespace vigie::testing
