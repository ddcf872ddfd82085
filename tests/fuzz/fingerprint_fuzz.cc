// Texts that callers send as hashes and identifiers: what is read writes back as the same text.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

#include "engine/base/digest.h"
#include "engine/base/fingerprint.h"
#include "engine/base/sealer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto algorithm : {vigie::Algorithm::kPdq, vigie::Algorithm::kMd5,
                               vigie::Algorithm::kSha1, vigie::Algorithm::kSha256}) {
    const auto value = vigie::ValueFromHex(algorithm, text);
    if (value.ok() && vigie::ToHex(vigie::AsBytes(*value)) != lower) std::abort();
  }
  const auto bytes = vigie::FromBase32(text);
  if (bytes.has_value() && vigie::ToBase32(vigie::AsBytes(*bytes)) != text) std::abort();

  const vigie::Sealer sealer({1, 2, 3});
  const auto number = sealer.Open(text, "fuzz");
  if (number.has_value() && sealer.Seal(*number, "fuzz") != text) std::abort();
  // Any bytes as a context are fine.
  if (sealer.Open(sealer.Seal(size, text), text) != size) std::abort();
  return 0;
}
