// Screenshots of a picture in an app: bars of the system, a header, buttons, text.
#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

struct Theme {
  cv::Scalar paper;
  cv::Scalar header;
  cv::Scalar ink;
};
const Theme kLight{cv::Scalar::all(255), cv::Scalar::all(246), cv::Scalar::all(30)};
const Theme kDark{cv::Scalar::all(18), cv::Scalar::all(32), cv::Scalar::all(225)};

const cv::Size kPhone(1080, 2160);
constexpr int kStatus = 64;
constexpr int kHeader = 150;
constexpr int kMostPicture = 1500;

// Clock, and what stands for signal and battery.
void DrawStatus(cv::Mat* screen, const Theme& theme) {
  cv::putText(*screen, "12:47", {40, 46}, cv::FONT_HERSHEY_SIMPLEX, 1.1, theme.ink, 2, cv::LINE_AA);
  for (int i = 0; i < 4; ++i) {
    cv::rectangle(*screen, cv::Rect(860 + 14 * i, 42 - 6 * i, 9, 6 + 6 * i), theme.ink, cv::FILLED);
  }
  cv::rectangle(*screen, cv::Rect(950, 20, 66, 28), theme.ink, 3);
  cv::rectangle(*screen, cv::Rect(955, 25, 40, 18), theme.ink, cv::FILLED);
}

void DrawHeader(cv::Mat* screen, const Theme& theme, uint64_t seed) {
  cv::rectangle(*screen, cv::Rect(0, kStatus, screen->cols, kHeader), theme.header, cv::FILLED);
  cv::circle(*screen, {90, kStatus + kHeader / 2}, 48, cv::Scalar(180, 120, 60), cv::FILLED,
             cv::LINE_AA);
  WriteLine(screen, {170, kStatus + 66}, 420, 30, theme.ink, seed);
  WriteLine(screen, {170, kStatus + 112}, 300, 20, cv::Scalar::all(128), seed + 1);
}

void DrawBelow(cv::Mat* screen, int top, const Theme& theme, uint64_t seed) {
  for (int i = 0; i < 3; ++i) {
    cv::circle(*screen, {80 + 110 * i, top + 65}, 30, theme.ink, 5, cv::LINE_AA);
  }
  for (int i = 0; i < 5 && top + 170 + 55 * i < screen->rows - 130; ++i) {
    WriteLine(screen, {40, top + 170 + 55 * i}, screen->cols - 120 - 70 * i, 28, theme.ink,
              seed + 10 + static_cast<uint64_t>(i));
  }
  cv::rectangle(*screen, cv::Rect(0, screen->rows - 110, screen->cols, 110), theme.header,
                cv::FILLED);
  for (int i = 0; i < 4; ++i) {
    cv::rectangle(*screen, cv::Rect(110 + 260 * i, screen->rows - 80, 50, 50), theme.ink, 5);
  }
}

cv::Mat FittedTo(const cv::Mat& picture, int width, int height) {
  return Scaled(picture, std::min(static_cast<double>(width) / picture.cols,
                                  static_cast<double>(height) / picture.rows));
}

cv::Mat Feed(const Material& m, const Theme& theme, int margin) {
  cv::Mat screen(kPhone, CV_8UC3, theme.paper);
  DrawStatus(&screen, theme);
  DrawHeader(&screen, theme, m.seed);
  const cv::Mat shown = FittedTo(m.picture, kPhone.width - 2 * margin, kMostPicture);
  const int top = kStatus + kHeader + margin;
  Paste(shown, {(kPhone.width - shown.cols) / 2, top}, &screen);
  DrawBelow(&screen, top + shown.rows + margin, theme, m.seed);
  return screen;
}

cv::Mat LightFeed(const Material& m) { return Feed(m, kLight, 0); }
cv::Mat DarkFeed(const Material& m) { return Feed(m, kDark, 0); }
cv::Mat Card(const Material& m) { return Feed(m, kLight, 48); }

// A viewer that shows nothing but the picture between bars.
cv::Mat Viewer(const Material& m) {
  const Theme theme{cv::Scalar::all(0), cv::Scalar::all(0), cv::Scalar::all(230)};
  cv::Mat screen(kPhone, CV_8UC3, theme.paper);
  DrawStatus(&screen, theme);
  cv::line(screen, {50, 130}, {80, 100}, theme.ink, 5, cv::LINE_AA);
  cv::line(screen, {50, 130}, {80, 160}, theme.ink, 5, cv::LINE_AA);
  const cv::Mat shown = FittedTo(m.picture, kPhone.width, kMostPicture);
  Paste(shown, {(kPhone.width - shown.cols) / 2, (kPhone.height - shown.rows) / 2}, &screen);
  for (int i = 0; i < 4; ++i) {
    cv::circle(screen, {135 + 270 * i, kPhone.height - 90}, 34, theme.ink, 5, cv::LINE_AA);
  }
  return screen;
}

// A message in a conversation: other bubbles above and below.
cv::Mat Chat(const Material& m) {
  const cv::Scalar ground(215, 228, 236);
  cv::Mat screen(kPhone, CV_8UC3, ground);
  DrawStatus(&screen, kLight);
  DrawHeader(&screen, kLight, m.seed);
  const auto bubble = [&](int x, int y, uint64_t seed) {
    cv::rectangle(screen, cv::Rect(x, y, 560, 96), cv::Scalar::all(255), cv::FILLED);
    WriteLine(&screen, {x + 30, y + 60}, 500, 28, kLight.ink, seed);
  };
  bubble(30, 250, m.seed + 2);
  bubble(480, 370, m.seed + 3);
  const cv::Mat shown = FittedTo(m.picture, 760, 1300);
  cv::rectangle(screen, cv::Rect(30, 500, shown.cols + 16, shown.rows + 16), cv::Scalar::all(255),
                cv::FILLED);
  Paste(shown, {38, 508}, &screen);
  if (shown.rows < 1300) bubble(480, 560 + shown.rows, m.seed + 4);
  return screen;
}

cv::Mat Desktop(const Material& m) {
  cv::Mat screen(900, 1600, CV_8UC3, kLight.paper);
  cv::rectangle(screen, cv::Rect(0, 0, screen.cols, 84), cv::Scalar(225, 222, 218), cv::FILLED);
  cv::rectangle(screen, cv::Rect(220, 42, 900, 32), cv::Scalar::all(255), cv::FILLED);
  WriteLine(&screen, {240, 66}, 500, 18, kLight.ink, m.seed);
  const cv::Mat shown = FittedTo(m.picture, 900, 740);
  Paste(shown, {120, 120}, &screen);
  for (int i = 0; i < 14; ++i) {
    WriteLine(&screen, {1090, 160 + 50 * i}, 400 - 20 * (i % 4), 22, kLight.ink,
              m.seed + static_cast<uint64_t>(i));
  }
  return screen;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"screenshot-light", "screenshot", "in a feed on a phone, light", LightFeed, kQuality},
    {"screenshot-dark", "screenshot", "in a feed on a phone, dark", DarkFeed, kQuality},
    {"screenshot-card", "screenshot", "in a feed on a phone, with margins", Card, kQuality},
    {"screenshot-viewer", "screenshot", "in a viewer on a phone", Viewer, kQuality},
    {"screenshot-chat", "screenshot", "in a conversation on a phone", Chat, kQuality},
    {"screenshot-desktop", "screenshot", "in a browser on a desktop", Desktop, kQuality},
};

}  // namespace

std::span<const Edit> ScreenEdits() { return kEdits; }

}  // namespace vigie::bench
