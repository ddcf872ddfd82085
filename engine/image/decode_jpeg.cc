// JPEG by libjpeg-turbo: row by row, so that only the rows and columns that are kept take memory.
// Pixels are those of OpenCV's decode, which uses the same library with the same settings.
#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs it first
#include <cstring>
#include <vector>

// After <cstdio>.
#include <jerror.h>
#include <jpeglib.h>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr int kCmykChannels = 4;

// libjpeg reports errors by a jump; what the jump passes over must need no destructor. So all that
// has one stays in DecodeJpeg(), and this holds pointers.
struct Job {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_source_mgr source;
  std::jmp_buf on_error;
  Bytes bytes;
  const ImageHeader* header;
  const Sample* sample;
  const PixelBuffer* out;
  const size_t* offsets;  // of the kept columns in `line`
  uint8_t* line;          // one row as libjpeg gives it, when it is not what `out` holds
};

Job& JobOf(j_common_ptr info) { return *static_cast<Job*>(info->client_data); }

[[noreturn]] void JumpOut(j_common_ptr info) { std::longjmp(JobOf(info).on_error, 1); }

// Warnings are counted where messages would be printed: a file is judged by what it decodes to.
void Ignore(j_common_ptr) {}
void IgnoreLevel(j_common_ptr info, int level) {
  if (level < 0) ++info->err->num_warnings;
}

void StartSource(j_decompress_ptr) {}

// The data is over: an end marker, as often as asked, makes libjpeg fill up what is missing with
// grey, always the same, so that a cut copy can still be recognised.
boolean GiveEnd(j_decompress_ptr info) {
  static constexpr JOCTET kEnd[] = {0xFF, JPEG_EOI};
  info->src->next_input_byte = kEnd;
  info->src->bytes_in_buffer = sizeof(kEnd);
  return TRUE;
}

void SkipInput(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if (static_cast<size_t>(count) > info->src->bytes_in_buffer) {
    GiveEnd(info);
    return;
  }
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= static_cast<size_t>(count);
}

void Prepare(Job& job) {
  job.info.err = jpeg_std_error(&job.errors);
  job.errors.error_exit = JumpOut;
  job.errors.output_message = Ignore;
  job.errors.emit_message = IgnoreLevel;
  job.info.client_data = &job;
  jpeg_create_decompress(&job.info);
  job.source = {.next_input_byte = job.bytes.data(),
                .bytes_in_buffer = job.bytes.size(),
                .init_source = StartSource,
                .fill_input_buffer = GiveEnd,
                .skip_input_data = SkipInput,
                .resync_to_restart = jpeg_resync_to_restart,
                .term_source = StartSource};
  job.info.src = &job.source;
}

// Ink that is stored inverted, as Adobe's programs store it and everybody reads it: c, m and y are
// what is left of red, green and blue, k of all three. Integer arithmetic of OpenCV's decode.
void CmykToBgr(const uint8_t* cmyk, uint8_t* bgr) {
  const int black = cmyk[3];
  for (int c = 0; c < 3; ++c) {
    bgr[2 - c] = static_cast<uint8_t>(black - ((255 - cmyk[c]) * black >> 8));
  }
}

// The kept columns of job.line, to `out`.
void KeepColumns(const Job& job, uint8_t* out) {
  const size_t* const offsets = job.offsets;
  const int last = job.out->width - 1;
  if (job.info.output_components == kCmykChannels) {
    for (int x = 0; x <= last; ++x) CmykToBgr(job.line + offsets[x], out + 3 * x);
  } else if (job.info.output_components == 1) {
    for (int x = 0; x <= last; ++x) out[x] = job.line[offsets[x]];
  } else {
    // Four bytes at once, of which the next pixel writes over the last; a line has room for that.
    for (int x = 0; x < last; ++x) std::memcpy(out + 3 * x, job.line + offsets[x], 4);
    std::memcpy(out + 3 * last, job.line + offsets[last], 3);
  }
}

void ReadRows(Job& job) {
  for (int y = 0; y < job.out->height; ++y) {
    uint8_t* const out = job.out->row(y);
    const JDIMENSION wanted = static_cast<JDIMENSION>(job.sample->row(y));
    if (wanted < job.info.output_scanline) {  // a picture lower than its sample: the row again
      std::memcpy(out, job.out->row(y - 1), job.out->stride_bytes());
      continue;
    }
    JSAMPROW row = job.line == nullptr ? out : job.line;
    while (job.info.output_scanline <= wanted) jpeg_read_scanlines(&job.info, &row, 1);
    if (job.line != nullptr) KeepColumns(job, out);
  }
}

// The one function that a jump comes back to.
Ending Run(Job& job) {
  if (setjmp(job.on_error) != 0) {
    const bool no_memory = job.errors.msg_code == JERR_OUT_OF_MEMORY;
    jpeg_destroy_decompress(&job.info);
    return no_memory ? Ending::kNoMemory : Ending::kCorrupt;
  }
  Prepare(job);
  jpeg_read_header(&job.info, TRUE);
  const bool as_announced = static_cast<int64_t>(job.info.image_width) == job.header->width &&
                            static_cast<int64_t>(job.info.image_height) == job.header->height &&
                            job.info.num_components == job.header->components;
  if (as_announced) {
    job.info.out_color_space = job.info.num_components == 4            ? JCS_CMYK
                               : job.out->order == ChannelOrder::kGray ? JCS_GRAYSCALE
                                                                       : JCS_EXT_BGR;
    jpeg_start_decompress(&job.info);
    ReadRows(job);
  }
  jpeg_destroy_decompress(&job.info);
  return as_announced ? Ending::kDone : Ending::kCorrupt;
}

}  // namespace

absl::StatusOr<PixelBuffer> DecodeJpeg(Bytes bytes, const ImageHeader& header, DecodeMode mode,
                                       const Sample& sample) {
  const bool cmyk = header.components == kCmykChannels;
  const bool gray = mode == DecodeMode::kFast && !cmyk;
  const PixelBuffer out = PixelBuffer::Make(sample.width(), sample.height(),
                                            gray ? ChannelOrder::kGray : ChannelOrder::kBgr);
  std::vector<uint8_t> line;
  std::vector<size_t> offsets;
  if (cmyk || !sample.all()) {
    const size_t channels = cmyk ? kCmykChannels : static_cast<size_t>(out.view().channels());
    line.resize(static_cast<size_t>(header.width) * kCmykChannels);
    for (int x = 0; x < out.width; ++x) {
      offsets.push_back(static_cast<size_t>(sample.column(x)) * channels);
    }
  }
  Job job{};
  job.bytes = header.complete ? bytes : bytes.first(header.data_end);
  job.header = &header;
  job.sample = &sample;
  job.out = &out;
  job.offsets = offsets.data();
  job.line = line.empty() ? nullptr : line.data();
  VIGIE_RETURN_IF_ERROR(StatusOf(Run(job)));
  return out;
}

}  // namespace vigie
