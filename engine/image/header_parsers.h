// Inside engine/image only: one header parser per format, called by ReadHeader().
//
// Each is given bytes that start with its format's magic and fills `header` (format and data_end
// are set already). Errors as for ReadHeader(). A parser accepts no more than the library that
// decodes the format: what both read must be the same number, or limits would be checked on
// something else than what is decoded.
#pragma once

#include <string_view>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/image/format.h"

namespace vigie {

inline absl::Status CorruptImage(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "IMAGE_CORRUPT", message);
}

inline absl::Status UnsupportedImage(absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_FORMAT", ToStd(message));
}

inline absl::Status NoMemoryToDecode() {
  return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
               "not enough memory to decode the picture; try again later");
}

// How a decoder has ended that reports errors by a jump: a status has a destructor, which the jump
// would pass over.
enum class Ending : uint8_t { kDone, kCorrupt, kNoMemory };

inline absl::Status StatusOf(Ending ending) {
  if (ending == Ending::kDone) return absl::OkStatus();
  if (ending == Ending::kNoMemory) return NoMemoryToDecode();
  return CorruptImage("the picture's data cannot be decoded");
}

// AVIF and HEIF.
absl::Status ParseBmffHeader(Bytes bytes, ImageHeader& header);
absl::Status ParseGifHeader(Bytes bytes, ImageHeader& header);
absl::Status ParseJpegHeader(Bytes bytes, ImageHeader& header);
absl::Status ParsePngHeader(Bytes bytes, ImageHeader& header);
absl::Status ParseWebpHeader(Bytes bytes, ImageHeader& header);
absl::Status ParseBmpHeader(Bytes bytes, ImageHeader& header);
absl::Status ParseTiffHeader(Bytes bytes, ImageHeader& header);

}  // namespace vigie
