// GIF by giflib's record interface: one line of one frame at a time, composed on one canvas.
#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr uint8_t kWhite = 0xFF;
constexpr int kMsPerTick = 10;

struct Rectangle {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

int ReadBytes(GifFileType* gif, GifByteType* to, int count) {
  Bytes& rest = *static_cast<Bytes*>(gif->UserData);
  const size_t given = std::min(rest.size(), static_cast<size_t>(std::max(count, 0)));
  std::memcpy(to, rest.data(), given);
  rest = rest.subspan(given);
  return static_cast<int>(given);
}

// Closes what DGifOpen() opened.
class GifFile {
 public:
  explicit GifFile(Bytes bytes) : rest_(bytes), file_(DGifOpen(&rest_, ReadBytes, nullptr)) {}
  ~GifFile() {
    if (file_ != nullptr) DGifCloseFile(file_, nullptr);
  }
  GifFile(const GifFile&) = delete;
  GifFile& operator=(const GifFile&) = delete;
  GifFileType* get() const { return file_; }

 private:
  Bytes rest_;
  GifFileType* file_;
};

// What a viewer shows: starts white, which is also what transparency and clearing leave.
class Canvas {
 public:
  Canvas(int width, int height) : pixels_(PixelBuffer::Make(width, height, ChannelOrder::kRgb)) {
    Clear({.left = 0, .top = 0, .width = width, .height = height});
  }

  PixelView view() const { return pixels_.view(); }

  // The part of a frame that is on the canvas.
  Rectangle Clip(const GifImageDesc& frame) const {
    const int left = std::min(frame.Left, pixels_.width);
    const int top = std::min(frame.Top, pixels_.height);
    return {.left = left,
            .top = top,
            .width = std::min(frame.Width, pixels_.width - left),
            .height = left == pixels_.width ? 0 : std::min(frame.Height, pixels_.height - top)};
  }

  void Clear(const Rectangle& area) {
    for (int y = 0; y < area.height; ++y) std::memset(At(area, y), kWhite, RowBytes(area));
  }

  void Save(const Rectangle& area) {
    saved_.resize(RowBytes(area) * static_cast<size_t>(area.height));
    for (int y = 0; y < area.height; ++y) {
      std::memcpy(saved_.data() + RowBytes(area) * static_cast<size_t>(y), At(area, y),
                  RowBytes(area));
    }
  }

  void Restore(const Rectangle& area) {
    for (int y = 0; y < area.height; ++y) {
      std::memcpy(At(area, y), saved_.data() + RowBytes(area) * static_cast<size_t>(y),
                  RowBytes(area));
    }
  }

  // Row y of `area`, from palette indices. The transparent one, and those outside the palette,
  // leave what is there.
  void Draw(const Rectangle& area, int y, const uint8_t* indices, const ColorMapObject& palette,
            int transparent) {
    uint8_t* out = At(area, y);
    for (int x = 0; x < area.width; ++x, out += 3) {
      if (indices[x] == transparent || indices[x] >= palette.ColorCount) continue;
      const GifColorType& color = palette.Colors[indices[x]];
      out[0] = color.Red;
      out[1] = color.Green;
      out[2] = color.Blue;
    }
  }

 private:
  uint8_t* At(const Rectangle& area, int y) {
    return pixels_.row(area.top + y) + 3 * static_cast<size_t>(area.left);
  }
  static size_t RowBytes(const Rectangle& area) { return 3 * static_cast<size_t>(area.width); }

  PixelBuffer pixels_;
  std::vector<uint8_t> saved_;
};

// Reads an extension, and what it says of the next frame when it is about that.
bool ReadExtension(GifFileType* gif, GraphicsControlBlock& control) {
  int code = 0;
  GifByteType* block = nullptr;
  if (DGifGetExtension(gif, &code, &block) == GIF_ERROR) return false;
  if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr) {
    DGifExtensionToGCB(block[0], block + 1, &control);
  }
  while (block != nullptr) {
    if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) return false;
  }
  return true;
}

// Row of the picture that is stored as the `line`th; an interlaced one comes in four passes.
int RowOf(int line, int height, bool interlaced) {
  if (!interlaced) return line;
  constexpr int kFirst[] = {0, 4, 2, 1};
  constexpr int kStep[] = {8, 8, 4, 2};
  for (int pass = 0; pass < 4; ++pass) {
    const int rows = (height - kFirst[pass] + kStep[pass] - 1) / kStep[pass];
    if (line < rows) return kFirst[pass] + line * kStep[pass];
    line -= rows;
  }
  return height;
}

// Draws the frame whose descriptor was just read. False when its data stops: what came is drawn.
bool DrawFrame(GifFileType* gif, const ColorMapObject& palette, int transparent, Canvas& canvas) {
  const GifImageDesc& frame = gif->Image;
  const Rectangle area = canvas.Clip(frame);
  std::vector<uint8_t> line(static_cast<size_t>(frame.Width));
  for (int i = 0; i < frame.Height; ++i) {
    if (DGifGetLine(gif, line.data(), frame.Width) == GIF_ERROR) return false;
    const int row = RowOf(i, frame.Height, frame.Interlace);
    if (row < area.height) canvas.Draw(area, row, line.data(), palette, transparent);
  }
  return true;
}

class Player {
 public:
  Player(GifFileType* gif, const ImageHeader& header, FrameReceiver& receiver)
      : gif_(gif),
        receiver_(receiver),
        canvas_(static_cast<int>(header.width), static_cast<int>(header.height)) {}

  absl::Status Play() {
    while (true) {
      GifRecordType record = UNDEFINED_RECORD_TYPE;
      if (DGifGetRecordType(gif_, &record) == GIF_ERROR) return CutOff();
      if (record == TERMINATE_RECORD_TYPE) return absl::OkStatus();
      if (record == EXTENSION_RECORD_TYPE && !ReadExtension(gif_, control_)) return CutOff();
      if (record != IMAGE_DESC_RECORD_TYPE) continue;
      bool more = false;
      VIGIE_RETURN_IF_ERROR(PlayFrame(more));
      if (!more) return absl::OkStatus();
    }
  }

 private:
  static absl::Status CutOff() { return CorruptImage("the GIF is damaged or cut off"); }

  absl::Status PlayFrame(bool& more) {
    if (DGifGetImageDesc(gif_) == GIF_ERROR) return CutOff();
    const GifImageDesc& frame = gif_->Image;
    const int64_t canvas_pixels = int64_t{canvas_.view().width} * canvas_.view().height;
    const int64_t frame_pixels = int64_t{frame.Width} * frame.Height;
    VIGIE_RETURN_IF_ERROR(receiver_.Spend(std::max(canvas_pixels, frame_pixels)));
    if (frame.Width < 1 || frame.Height < 1)
      return CorruptImage("a frame of the GIF has no pixels");
    const ColorMapObject* const palette =
        frame.ColorMap != nullptr ? frame.ColorMap : gif_->SColorMap;
    if (palette == nullptr) return CorruptImage("a frame of the GIF has no palette");
    const Rectangle area = canvas_.Clip(frame);
    if (control_.DisposalMode == DISPOSE_PREVIOUS) canvas_.Save(area);
    const bool whole = DrawFrame(gif_, *palette, control_.TransparentColor, canvas_);
    more = receiver_.Take(CopySample(canvas_.view(), receiver_.sample()), time_ms_);
    if (!whole) return CutOff();
    if (control_.DisposalMode == DISPOSE_BACKGROUND) canvas_.Clear(area);
    if (control_.DisposalMode == DISPOSE_PREVIOUS) canvas_.Restore(area);
    time_ms_ += int64_t{control_.DelayTime} * kMsPerTick;
    control_ = kNoControl;
    return absl::OkStatus();
  }

  static constexpr GraphicsControlBlock kNoControl = {.DisposalMode = DISPOSAL_UNSPECIFIED,
                                                      .UserInputFlag = false,
                                                      .DelayTime = 0,
                                                      .TransparentColor = NO_TRANSPARENT_COLOR};

  GifFileType* gif_;
  FrameReceiver& receiver_;
  Canvas canvas_;
  GraphicsControlBlock control_ = kNoControl;
  int64_t time_ms_ = 0;
};

}  // namespace

absl::Status DecodeGif(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver) {
  const GifFile gif(bytes);
  if (gif.get() == nullptr) return CorruptImage("the GIF's header cannot be read");
  return Player(gif.get(), header, receiver).Play();
}

}  // namespace vigie
