// AVIF and HEIF: ISO base media files (ISO 14496-12), boxes of size, type and content; pictures are
// described in "meta" (ISO 23008-12), sequences in "moov".
#include <algorithm>
#include <string_view>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

// A larger one is taken for this, so that products of sides and bytes stay in range.
constexpr int64_t kMaxSide = int64_t{1} << 24;

constexpr uint32_t Type(std::string_view name) {
  uint32_t type = 0;
  for (const char c : name) type = type << 8 | static_cast<uint8_t>(c);
  return type;
}

struct Box {
  uint32_t type = 0;
  size_t begin = 0;  // of its content
  size_t end = 0;    // behind it; outside the data when it is cut off
};

// The boxes between two offsets, one after the other.
class Boxes {
 public:
  Boxes(const ByteReader& reader, size_t begin, size_t end)
      : reader_(reader), at_(begin), end_(std::min(end, reader.size())) {}

  // False at the end, and at what is no box.
  bool Next(Box& box) {
    constexpr size_t kSmall = 8;
    constexpr size_t kLarge = 16;
    if (at_ > end_ || end_ - at_ < kSmall) return false;
    uint64_t size = reader_.U32(at_);
    size_t header = kSmall;
    if (size == 1) {  // a size of 64 bits follows
      size = uint64_t{reader_.U32(at_ + kSmall)} << 32 | reader_.U32(at_ + kSmall + 4);
      header = kLarge;
    } else if (size == 0) {  // up to the end
      size = end_ - at_;
    }
    if (size < header || size > (uint64_t{1} << 62)) return false;
    box = {.type = reader_.U32(at_ + 4), .begin = at_ + header, .end = at_ + size};
    at_ = box.end;
    return true;
  }

 private:
  const ByteReader& reader_;
  size_t at_;
  size_t end_;
};

class Parser {
 public:
  Parser(const ByteReader& reader, ImageHeader& header) : reader_(reader), header_(header) {}

  void ReadFile() {
    Box box;
    for (Boxes boxes(reader_, 0, reader_.size()); boxes.Next(box);) {
      const bool ours = box.type == Type("meta") || box.type == Type("moov") ||
                        box.type == Type("mdat") || box.type == Type("ftyp");
      // What others have appended may be anything.
      if (ours && box.end > reader_.size()) header_.complete = false;
      if (box.type == Type("meta")) ReadProperties(box);
      if (box.type == Type("moov")) ReadMovie(box);
    }
  }

 private:
  static constexpr size_t kFlags = 4;  // version and flags of a "full" box

  // The largest size that anything in the file has: a grid of tiles is larger than these.
  void Note(int64_t width, int64_t height) {
    width = std::min(width, kMaxSide);
    height = std::min(height, kMaxSide);
    if (width * height <= header_.width * header_.height) return;
    header_.width = width;
    header_.height = height;
  }

  void ReadProperties(const Box& meta) {
    Box box;
    for (Boxes boxes(reader_, meta.begin + kFlags, meta.end); boxes.Next(box);) {
      if (box.type != Type("iprp")) continue;
      Box container;
      for (Boxes inner(reader_, box.begin, box.end); inner.Next(container);) {
        if (container.type != Type("ipco")) continue;
        Box property;
        for (Boxes all(reader_, container.begin, container.end); all.Next(property);) {
          if (property.type != Type("ispe")) continue;
          Note(reader_.U32(property.begin + kFlags), reader_.U32(property.begin + kFlags + 4));
        }
      }
    }
  }

  void ReadMovie(const Box& movie) {
    header_.animated = true;
    static constexpr uint32_t kPath[] = {Type("trak"), Type("mdia"), Type("minf"), Type("stbl"),
                                         Type("stsd")};
    Descend(movie, kPath, std::size(kPath));
  }

  // Every box at the end of `path` below `parent`; at most 5 levels.
  void Descend(const Box& parent, const uint32_t* path, size_t levels) {
    if (levels == 0) return ReadSampleEntries(parent);
    Box box;
    for (Boxes boxes(reader_, parent.begin, parent.end); boxes.Next(box);) {
      if (box.type == *path) Descend(box, path + 1, levels - 1);
    }
  }

  void ReadSampleEntries(const Box& descriptions) {
    constexpr size_t kCount = 4;
    constexpr size_t kWidth = 24;  // in a visual sample entry
    Box entry;
    for (Boxes boxes(reader_, descriptions.begin + kFlags + kCount, descriptions.end);
         boxes.Next(entry);) {
      Note(reader_.U16(entry.begin + kWidth), reader_.U16(entry.begin + kWidth + 2));
    }
  }

  const ByteReader& reader_;
  ImageHeader& header_;
};

// Memory of the decoders, bytes a pixel, found by measuring: planes of a picture and their
// conversion; a video decoder keeps up to 8 frames that later ones refer to.
constexpr int64_t kBytesOfPicture = 7;
constexpr int64_t kBytesOfSequence = 56;

}  // namespace

absl::Status ParseBmffHeader(Bytes bytes, ImageHeader& header) {
  const ByteReader reader(bytes, ByteOrder::kBig);
  Parser(reader, header).ReadFile();
  header.decoder_bytes =
      (header.animated && header.format == ImageFormat::kAvif ? kBytesOfSequence
                                                              : kBytesOfPicture) *
      header.width * header.height;
  return absl::OkStatus();
}

}  // namespace vigie
