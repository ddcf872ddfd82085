// ReadHeader() on any bytes: what it accepts has pixels and says nothing impossible.
#include <cstdlib>

#include "engine/image/format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto header = vigie::ReadHeader({data, size});
  if (!header.ok()) {
    if (vigie::ReasonOf(header.status()).empty()) std::abort();
    return 0;
  }
  if (header->width < 1 || header->height < 1 || header->scans < 0) std::abort();
  if (header->block_pixels < 0 || header->data_end > size) std::abort();
  return 0;
}
