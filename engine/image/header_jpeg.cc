// JPEG (ITU-T T.81, annex B): a chain of marker segments, with entropy-coded data after each SOS.
#include <algorithm>
#include <cstring>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr uint8_t kStartOfScan = 0xDA;
constexpr uint8_t kEndOfImage = 0xD9;

bool IsRestart(uint8_t marker) { return marker >= 0xD0 && marker <= 0xD7; }

// Markers that stand alone, without a length: TEM, RSTn, SOI.
bool StandsAlone(uint8_t marker) { return marker == 0x01 || IsRestart(marker) || marker == 0xD8; }

bool IsProgressive(uint8_t marker) {
  return marker == 0xC2 || marker == 0xC6 || marker == 0xCA || marker == 0xCE;
}

bool IsStartOfFrame(uint8_t marker) {
  const bool is_table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
  return marker >= 0xC0 && marker <= 0xCF && !is_table;
}

// Walks over a JPEG as libjpeg does: bytes between segments that are no marker are skipped.
class Walker {
 public:
  explicit Walker(Bytes bytes) : bytes_(bytes), reader_(bytes, ByteOrder::kBig) {}

  // Moves behind the next marker and returns it; 0 at the end of the data.
  uint8_t NextMarker() {
    while (FindFF()) {
      segment_ = at_;
      while (at_ < bytes_.size() && bytes_[at_] == 0xFF) ++at_;  // fill bytes
      if (at_ == bytes_.size()) return 0;
      const uint8_t marker = bytes_[at_++];
      if (marker != 0) return marker;
    }
    return 0;
  }

  // Moves to the first marker behind the entropy-coded data that starts here, if there is one.
  bool SkipEntropyCodedData() {
    while (FindFF()) {
      const uint8_t next = reader_.U8(at_ + 1);
      if (at_ + 1 < bytes_.size() && next != 0 && !IsRestart(next)) return true;
      ++at_;
    }
    return false;
  }

  // Length of the segment whose marker was just read, its two length bytes included; 0 when it
  // does not fit in the data.
  size_t SegmentSize() const {
    const size_t size = reader_.U16(at_);
    return size >= 2 && reader_.Has(at_, size) ? size : 0;
  }

  void Skip(size_t count) { at_ += count; }
  size_t at() const { return at_; }
  size_t segment() const { return segment_; }
  const ByteReader& reader() const { return reader_; }

 private:
  bool FindFF() {
    if (at_ >= bytes_.size()) return false;
    const void* found = std::memchr(bytes_.data() + at_, 0xFF, bytes_.size() - at_);
    at_ = found == nullptr
              ? bytes_.size()
              : static_cast<size_t>(static_cast<const uint8_t*>(found) - bytes_.data());
    return found != nullptr;
  }

  Bytes bytes_;
  ByteReader reader_;
  size_t at_ = 2;       // behind SOI
  size_t segment_ = 2;  // where the marker read last starts
};

// Bytes of the coefficients of the whole picture: 64 of 2 bytes for each block of each component.
// `frame` is where the length of the frame header stands.
int64_t CoefficientBytes(const ByteReader& reader, size_t frame, const ImageHeader& header) {
  constexpr int64_t kBlockSide = 8;
  constexpr int64_t kBytesABlock = 128;
  int64_t widest = 1;
  int64_t highest = 1;
  int64_t blocks_a_unit = 0;
  for (int i = 0; i < header.components; ++i) {
    const uint8_t factors = reader.U8(frame + 9 + 3 * static_cast<size_t>(i));
    widest = std::max<int64_t>(widest, factors >> 4);
    highest = std::max<int64_t>(highest, factors & 15);
    blocks_a_unit += int64_t{factors >> 4} * (factors & 15);
  }
  const auto units = [](int64_t side, int64_t factor) {
    return (side + kBlockSide * factor - 1) / (kBlockSide * factor);
  };
  return units(header.width, widest) * units(header.height, highest) * blocks_a_unit * kBytesABlock;
}

}  // namespace

absl::Status ParseJpegHeader(Bytes bytes, ImageHeader& header) {
  Walker walker(bytes);
  header.complete = false;
  header.scans = 0;
  int64_t coefficient_bytes = 0;
  bool several_scans = false;
  while (const uint8_t marker = walker.NextMarker()) {
    if (marker == kEndOfImage) {
      header.complete = true;
      header.data_end = walker.at();
      break;
    }
    if (StandsAlone(marker)) continue;
    const size_t size = walker.SegmentSize();
    if (size == 0) {
      header.data_end = walker.segment();
      break;
    }
    if (IsStartOfFrame(marker) && header.height == 0) {
      if (size < 8) return CorruptImage("the JPEG frame header is too short");
      header.height = walker.reader().U16(walker.at() + 3);
      header.width = walker.reader().U16(walker.at() + 5);
      header.components = walker.reader().U8(walker.at() + 7);
      if (header.height == 0) return CorruptImage("the JPEG declares no height");
      if (size != 8 + 3 * static_cast<size_t>(header.components)) {
        return CorruptImage("the JPEG frame header has another length than its components");
      }
      coefficient_bytes = CoefficientBytes(walker.reader(), walker.at(), header);
      several_scans = IsProgressive(marker);
    }
    if (marker == kStartOfScan && walker.reader().U8(walker.at() + 2) < header.components) {
      several_scans = true;
    }
    walker.Skip(size);
    if (marker == kStartOfScan) {
      ++header.scans;
      if (!walker.SkipEntropyCodedData()) break;
    }
  }
  if (header.height == 0) return CorruptImage("the JPEG ends before its frame header");
  if (several_scans) header.decoder_bytes = coefficient_bytes;
  return absl::OkStatus();
}

}  // namespace vigie
