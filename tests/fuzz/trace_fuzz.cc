// What callers send as the names of a request: what is accepted is safe in a line of the log, and
// what we pass on is accepted.
#include <cstdlib>
#include <string>

#include "server/log/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A valid beginning, of a length that the first byte chooses, so that inputs get far.
  const std::string valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const size_t kept = size == 0 ? 0 : data[0] % (valid.size() + 1);
  const std::string rest(reinterpret_cast<const char*>(data), size);
  for (const std::string& text : {rest, valid.substr(0, kept) + rest.substr(size == 0 ? 0 : 1)}) {
    if (vigie::IsRequestId(text) &&
        (text.size() > 36 || text.find_first_of(" \"\\\n\r={}") != std::string::npos)) {
      std::abort();
    }
    const auto trace = vigie::ParseTraceparent(text);
    if (!trace.has_value()) continue;
    if (trace->id.size() != 32 ||
        trace->id.find_first_not_of("0123456789abcdef") != std::string::npos) {
      std::abort();
    }
    const auto again = vigie::ParseTraceparent(vigie::FormatTraceparent(*trace, 1));
    if (!again.has_value() || again->id != trace->id) std::abort();
  }
  return 0;
}
