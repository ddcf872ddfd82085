#include "engine/hash/filter.h"

#include <algorithm>
#include <cstring>

#include "engine/hash/filter_plan.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/hash/filter.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "engine/hash/box_inl.h"
#include "engine/hash/luma_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

// Pass 1 of rows y.. of the sampled picture, `rows` of them, at most a strip, to `out` and the rows
// after it. Rows beyond the picture are zero.
void PassOne(const FilterPlan& plan, size_t first, size_t rows, float* out) {
  const size_t pitch = plan.once.pitch;
  const size_t inside = std::min(rows, std::max(plan.y.length, first) - first);
  if (plan.sum_bytes) {
    for (size_t r = 0; r < inside; ++r) {
      LoadRow(plan, first + r);
      BoxBytes(plan.gray, plan.x, out + r * pitch, pitch);
    }
  } else if (inside > 0) {
    for (size_t r = 0; r < inside; ++r) {
      float* const luma = plan.twice.row(static_cast<ptrdiff_t>(r));
      LoadRow(plan, first + r);
      Luma(plan, luma);
      std::fill(luma + plan.x.length, luma + plan.twice.pitch, 0.0f);
    }
    BoxAlongRows(plan, plan.every_column, plan.x.length, inside, plan.turned);
    Turn(plan.turned, plan.strip, RoundUp(plan.x.length, kMaxLanes), inside, out, pitch);
  }
  std::fill(out + inside * pitch, out + rows * pitch, 0.0f);
}

// Everything that is added to or read before it is written in this picture.
void Clear(const FilterPlan& plan) {
  std::fill_n(plan.gray - plan.gray_margin, plan.gray_margin, uint8_t{0});
  std::fill_n(plan.gray + plan.x.length, plan.gray_margin, uint8_t{0});
  if (!plan.sum_bytes) {
    const size_t end = RoundUp(plan.x.length, kMaxLanes);
    std::fill(plan.turned + plan.x.length * plan.strip, plan.turned + end * plan.strip, 0.0f);
    // The passes before write whole vectors; what is beyond them is read as zero.
    for (size_t r = 0; r < plan.once.history + plan.strip; ++r) {
      float* const row =
          plan.once.row(static_cast<ptrdiff_t>(r) - static_cast<ptrdiff_t>(plan.once.history));
      std::fill(row + end, row + std::max(end, plan.once.pitch), 0.0f);
    }
  }
  for (const Rows* rows : {&plan.once, &plan.thrice}) {
    std::fill_n(rows->row(-static_cast<ptrdiff_t>(rows->history)), rows->history * rows->pitch,
                0.0f);
  }
  std::fill_n(plan.sums, plan.once.pitch, 0.0f);
  std::fill_n(plan.narrow_sums, kReducedSide, 0.0f);
}

// Moves the rows that the window still needs before row 0, which `done` rows after becomes.
void KeepHistory(const Rows& rows, size_t window, size_t done) {
  const auto back = static_cast<ptrdiff_t>(window);
  std::memmove(rows.row(-back), rows.row(static_cast<ptrdiff_t>(done) - back),
               window * rows.pitch * sizeof(float));
}

// Pass 4 over `rows` rows of plan.thrice, of which row 0 is row `first` of the picture; writes
// those outputs that are wanted, beginning with number `next`. Returns the next one.
size_t PassFour(const FilterPlan& plan, size_t first, size_t rows, size_t next, Reduced& out) {
  const Box& box = plan.y;
  for (size_t r = 0; r < rows && next < kReducedSide; ++r) {
    const float* newest = plan.thrice.row(static_cast<ptrdiff_t>(r));
    const float* oldest = newest - box.window * kReducedSide;
    if (first + r != box.wanted[next] + box.lag) {
      Slide(newest, oldest, kReducedSide, plan.narrow_sums);
      continue;
    }
    const size_t row = next++;
    SlideAndWrite(newest, oldest, kReducedSide, plan.narrow_sums, box.Count(box.wanted[row]),
                  out.at[row]);
    for (; next < kReducedSide && box.wanted[next] == box.wanted[row]; ++next) {
      std::copy_n(out.at[row], kReducedSide, out.at[next]);
    }
  }
  return next;
}

void Filter(const FilterPlan& plan, Reduced& out) {
  const size_t width = plan.x.length + plan.x.lag;
  const size_t lag = plan.y.lag;
  const size_t window = plan.y.window;
  Clear(plan);
  // Pass 2 is `lag` rows behind pass 1.
  for (size_t y = 0; y < lag; y += plan.strip) {
    float* const rows = plan.once.row(static_cast<ptrdiff_t>(y) - static_cast<ptrdiff_t>(lag));
    PassOne(plan, y, std::min(plan.strip, lag - y), rows);
  }
  for (size_t y = 0; y < lag; ++y) {
    const float* newest = plan.once.row(static_cast<ptrdiff_t>(y) - static_cast<ptrdiff_t>(lag));
    Slide(newest, newest - window * plan.once.pitch, width, plan.sums);
  }
  size_t next = 0;
  for (size_t y = 0; y < plan.y.length; y += plan.strip) {
    size_t rows = std::min(plan.strip, plan.y.length - y);
    PassOne(plan, y + lag, rows, plan.once.data);
    for (size_t r = 0; r < rows; ++r) {
      const float* newest = plan.once.row(static_cast<ptrdiff_t>(r));
      SlideAndWrite(newest, newest - window * plan.once.pitch, width, plan.sums,
                    plan.y.Count(y + r), plan.twice.row(static_cast<ptrdiff_t>(r)));
    }
    BoxAlongRows(plan, plan.x.wanted.data(), kReducedSide, rows, plan.narrow);
    Turn(plan.narrow, plan.strip, kReducedSide, rows, plan.thrice.data, kReducedSide);
    if (y + rows == plan.y.length) {
      // Pass 4 is behind as well: rows beyond the picture bring its last outputs.
      std::fill_n(plan.thrice.row(static_cast<ptrdiff_t>(rows)), lag * kReducedSide, 0.0f);
      rows += lag;
    }
    next = PassFour(plan, y, rows, next, out);
    KeepHistory(plan.once, window, plan.strip);
    KeepHistory(plan.thrice, window, plan.strip);
  }
}

void LumaOfRows(const FilterPlan& plan, Reduced& out) {
  for (size_t y = 0; y < kReducedSide; ++y) {
    LoadRow(plan, y);
    Luma(plan, out.at[y]);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigie {

HWY_EXPORT(Filter);
HWY_EXPORT(LumaOfRows);

void Reduce(const PixelView& pixels, size_t width, size_t height, PdqScratch& scratch,
            Reduced& out) {
  const FilterPlan plan(pixels, width, height, scratch);
  HWY_DYNAMIC_DISPATCH(Filter)(plan, out);
}

void LumaOnly(const PixelView& pixels, PdqScratch& scratch, Reduced& out) {
  const FilterPlan plan(pixels, kReducedSide, kReducedSide, scratch);
  HWY_DYNAMIC_DISPATCH(LumaOfRows)(plan, out);
}

}  // namespace vigie
#endif
