// Numbers out of untrusted bytes. Reading outside gives 0, never a fault.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/digest.h"

namespace vigie {

enum class ByteOrder : uint8_t { kLittle, kBig };

class ByteReader {
 public:
  // `bytes` outlive the reader.
  ByteReader(Bytes bytes, ByteOrder order) : bytes_(bytes), order_(order) {}

  size_t size() const { return bytes_.size(); }

  // True when `count` bytes from offset `at` on exist. Parsers ask before they trust a number.
  bool Has(size_t at, size_t count) const {
    return at <= bytes_.size() && count <= bytes_.size() - at;
  }

  uint8_t U8(size_t at) const { return Has(at, 1) ? bytes_[at] : uint8_t{0}; }
  uint16_t U16(size_t at) const { return static_cast<uint16_t>(Number(at, 2)); }
  uint32_t U24(size_t at) const { return Number(at, 3); }
  uint32_t U32(size_t at) const { return Number(at, 4); }

 private:
  uint32_t Number(size_t at, size_t count) const {
    if (!Has(at, count)) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      value = value << 8 | bytes_[order_ == ByteOrder::kBig ? at + i : at + count - 1 - i];
    }
    return value;
  }

  Bytes bytes_;
  ByteOrder order_;
};

}  // namespace vigie
