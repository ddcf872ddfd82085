// PNG by libpng: row by row, so that only the rows and columns that are kept take memory; an
// interlaced picture is whole in memory once.
#include <png.h>

#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"
#include "engine/image/kept_rows.h"

namespace vigie {
namespace {

// libpng reports errors by a jump; what the jump passes over must need no destructor. So all that
// has one stays in DecodePng(), and this holds pointers.
struct Job {
  png_structp png;
  png_infop info;
  std::jmp_buf on_error;
  bool no_memory;
  Bytes rest;
  const ImageHeader* header;
  KeptRows* rows;
  uint8_t* buffer;  // a row of up to four samples a pixel; of an interlaced picture all rows
  bool interlaced;
};

[[noreturn]] void JumpOut(png_structp png, png_const_charp) {
  std::longjmp(static_cast<Job*>(png_get_error_ptr(png))->on_error, 1);
}

// A file is judged by what it decodes to.
void Ignore(png_structp, png_const_charp) {}

png_voidp Allocate(png_structp png, png_alloc_size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) static_cast<Job*>(png_get_mem_ptr(png))->no_memory = true;
  return memory;
}

void Free(png_structp, png_voidp memory) { std::free(memory); }

void ReadBytes(png_structp png, png_bytep to, size_t count) {
  Bytes& rest = static_cast<Job*>(png_get_io_ptr(png))->rest;
  if (count > rest.size()) png_error(png, "end of data");
  std::memcpy(to, rest.data(), count);
  rest = rest.subspan(count);
}

// What becomes of the samples: 8 bits, blue first, no alpha where the header's parser saw none.
void SetTransformations(const Job& job, int color_type, int bit_depth) {
  png_set_strip_16(job.png);  // the high byte
  if (job.header->transparency == Transparency::kNone) {
    png_set_strip_alpha(job.png);
  } else {
    png_set_tRNS_to_alpha(job.png);
  }
  if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(job.png);
  if ((color_type & PNG_COLOR_MASK_COLOR) != 0) {
    png_set_bgr(job.png);
  } else {
    if (bit_depth < 8) png_set_expand_gray_1_2_4_to_8(job.png);
    png_set_gray_to_rgb(job.png);
  }
}

void ReadRows(const Job& job, int passes, size_t row_bytes, RowPixels kind) {
  const int height = static_cast<int>(job.header->height);
  for (int pass = 1; pass < passes; ++pass) {
    for (int y = 0; y < height; ++y) {
      png_read_row(job.png, job.buffer + static_cast<size_t>(y) * row_bytes, nullptr);
    }
  }
  for (int y = 0; y < height; ++y) {
    uint8_t* row = job.buffer + (job.interlaced ? static_cast<size_t>(y) * row_bytes : 0);
    uint8_t* const whole = job.rows->Whole(y);
    const bool in_place = whole != nullptr && kind == RowPixels::kBgr && !job.interlaced;
    if (in_place) row = whole;
    png_read_row(job.png, row, nullptr);
    if (!in_place) job.rows->Put(y, row, kind);
  }
}

bool Decode(const Job& job) {
  const int64_t width = job.header->width;
  const int64_t height = job.header->height;
  png_set_user_limits(job.png, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height));
  // Profiles, texts and the like are passed over: nothing of them is looked at.
  png_set_keep_unknown_chunks(job.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(job.png, job.info);
  const bool as_announced = png_get_image_width(job.png, job.info) == width &&
                            png_get_image_height(job.png, job.info) == height &&
                            (png_get_interlace_type(job.png, job.info) != 0) == job.interlaced;
  if (!as_announced) return false;
  SetTransformations(job, png_get_color_type(job.png, job.info),
                     png_get_bit_depth(job.png, job.info));
  const int passes = png_set_interlace_handling(job.png);
  png_read_update_info(job.png, job.info);
  // libpng leaves out a transparency chunk that is not valid.
  const int channels = png_get_channels(job.png, job.info);
  const size_t row_bytes = png_get_rowbytes(job.png, job.info);
  if ((channels != 3 && channels != 4) ||
      row_bytes != static_cast<size_t>(channels) * static_cast<size_t>(width)) {
    return false;
  }
  ReadRows(job, passes, row_bytes, channels == 3 ? RowPixels::kBgr : RowPixels::kBgrAlpha);
  png_read_end(job.png, nullptr);
  return true;
}

// The one function that a jump comes back to.
Ending Run(Job& job) {
  if (setjmp(job.on_error) != 0) {
    png_destroy_read_struct(&job.png, &job.info, nullptr);
    return job.no_memory ? Ending::kNoMemory : Ending::kCorrupt;
  }
  job.png =
      png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, JumpOut, Ignore, &job, Allocate, Free);
  if (job.png == nullptr) return Ending::kNoMemory;
  job.info = png_create_info_struct(job.png);
  if (job.info == nullptr) png_error(job.png, "no memory");
  png_set_read_fn(job.png, &job, ReadBytes);
  const bool done = Decode(job);
  png_destroy_read_struct(&job.png, &job.info, nullptr);
  return done ? Ending::kDone : Ending::kCorrupt;
}

}  // namespace

absl::StatusOr<PixelBuffer> DecodePng(Bytes bytes, const ImageHeader& header,
                                      const Sample& sample) {
  KeptRows rows(sample);
  Job job{};
  job.rest = bytes;
  job.header = &header;
  job.rows = &rows;
  job.interlaced = header.interlaced;
  std::vector<uint8_t> buffer(4 * static_cast<size_t>(header.width) *
                              static_cast<size_t>(header.interlaced ? header.height : 1));
  job.buffer = buffer.data();
  VIGIE_RETURN_IF_ERROR(StatusOf(Run(job)));
  return rows.pixels();
}

}  // namespace vigie
