#include "bench/page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vigie::bench {
namespace {

constexpr double kChartWidth = 900;
constexpr double kBarLeft = 260;
constexpr double kBarRight = 620;  // what stands beside the longest bar needs room
constexpr double kBarHeight = 18;
constexpr double kBarStep = 26;
constexpr double kLeastShare = 0.004;  // of the width, so that the smallest bar is seen

constexpr char kStyle[] = R"(
:root { color-scheme: light dark; --paper: #fff; --text: #222; --faint: #667; --line: #d8d8dc;
  --warn: #b00020; --b0: #0072b2; --b1: #d55e00; --b2: #00875f; --b3: #8a6d00 }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --text: #ddd; --faint: #9aa;
  --line: #33363c; --warn: #ff6b81; --b0: #4ea8e0; --b1: #ff8a3d; --b2: #2fc493; --b3: #e6c229 } }
body { background: var(--paper); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem }
p.warning { color: var(--warn); font-weight: 600 }
div.wide { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap }
th:first-child, td:first-child { text-align: left }
th { color: var(--faint); font-weight: 600 }
svg { display: block; max-width: 100%; height: auto; margin: 1rem 0 }
svg.bars text { font: 13px system-ui, sans-serif; fill: var(--text) }
svg.bars text.title { font-weight: 600 }
svg.bars .b0 { fill: var(--b0) } svg.bars .b1 { fill: var(--b1) }
svg.bars .b2 { fill: var(--b2) } svg.bars .b3 { fill: var(--b3) }
svg.bars line { stroke: var(--text); stroke-dasharray: 4 3 }
)";

template <typename... Args>
std::string Format(const char* format, Args... args) {
  char text[512];
  std::snprintf(text, sizeof(text), format, args...);
  return text;
}

// Values to pixels.
class Scale {
 public:
  explicit Scale(const BarChart& chart) : logarithmic_(chart.logarithmic) {
    double least = INFINITY;
    for (const Bar& bar : chart.bars) {
      high_ = std::max(high_, bar.value);
      if (bar.value > 0) least = std::min(least, bar.value);
    }
    if (chart.mark.has_value()) {
      high_ = std::max(high_, *chart.mark);
      least = std::min(least, *chart.mark);
    }
    if (std::isfinite(least)) low_ = least / 2;
  }

  double Width(double value) const {
    double share = high_ > 0 ? value / high_ : 0;
    if (logarithmic_) share = value > 0 ? std::log(value / low_) / std::log(high_ / low_) : 0;
    return std::clamp(share, kLeastShare, 1.0) * (kBarRight - kBarLeft);
  }

 private:
  bool logarithmic_;
  double low_ = 1;
  double high_ = 0;
};

}  // namespace

std::string Escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

Page::Page(std::ostream& out, const std::string& title) : out_(out) {
  out_ << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
       << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
       << Escaped(title) << "</title>\n<style>" << kStyle << "</style>\n</head>\n<body>\n<h1>"
       << Escaped(title) << "</h1>\n";
}

Page::~Page() { out_ << "</body>\n</html>\n"; }

void Page::Heading(const std::string& text) { out_ << "<h2>" << Escaped(text) << "</h2>\n"; }

void Page::Text(const std::string& text) { out_ << "<p>" << Escaped(text) << "</p>\n"; }

void Page::Warning(const std::string& text) {
  out_ << "<p class=\"warning\">" << Escaped(text) << "</p>\n";
}

void Page::Add(const Table& table) {
  out_ << "<div class=\"wide\"><table>\n<tr>";
  for (const std::string& column : table.columns) out_ << "<th>" << Escaped(column) << "</th>";
  out_ << "</tr>\n";
  for (const auto& row : table.rows) {
    out_ << "<tr>";
    for (const std::string& cell : row) out_ << "<td>" << Escaped(cell) << "</td>";
    out_ << "</tr>\n";
  }
  out_ << "</table></div>\n";
}

void Page::Add(const BarChart& chart) {
  if (chart.bars.empty()) return;
  const Scale scale(chart);
  constexpr double kTop = 34;
  const double bottom = kTop + kBarStep * static_cast<double>(chart.bars.size());
  const double height = bottom + (chart.mark.has_value() ? 28 : 8);
  out_ << Format(
              "<svg class=\"bars\" viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" role=\"img\">",
              kChartWidth, height, kChartWidth, height)
       << "<text class=\"title\" x=\"0\" y=\"18\">" << Escaped(chart.title)
       << (chart.logarithmic ? " (logarithmic)" : "") << "</text>\n";
  double y = kTop;
  for (const Bar& bar : chart.bars) {
    const double width = scale.Width(bar.value);
    out_ << Format("<text x=\"%g\" y=\"%g\" text-anchor=\"end\">", kBarLeft - 10, y + 14)
         << Escaped(bar.label) << "</text>"
         << Format("<rect class=\"b%d\" x=\"%g\" y=\"%g\" width=\"%.1f\" height=\"%g\" rx=\"2\"/>",
                   bar.colour, kBarLeft, y, width, kBarHeight)
         << Format("<text x=\"%.1f\" y=\"%g\">", kBarLeft + width + 8, y + 14) << Escaped(bar.text)
         << "</text>\n";
    y += kBarStep;
  }
  if (chart.mark.has_value()) {
    const double x = kBarLeft + scale.Width(*chart.mark);
    out_ << Format("<line x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>", x, kTop - 4, x, bottom)
         << Format("<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">", x, bottom + 16)
         << Escaped(chart.mark_text) << "</text>\n";
  }
  out_ << "</svg>\n";
}

void Page::AddSvg(const std::string& svg) { out_ << svg; }

std::string Rounded(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::fabs(value);
  if (size < 10) return Format("%.3g", value);
  if (size < 100) return Format("%.1f", value);
  std::string digits = Format("%.0f", size);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  if (value < 0) digits.insert(0, 1, '-');
  return digits;
}

std::string Duration(double us) {
  if (us >= 1e6) return Rounded(us / 1e6) + " s";
  if (us >= 1e3) return Rounded(us / 1e3) + " ms";
  return Rounded(us) + " us";
}

std::string CountText(double count) {
  if (count >= 1e6) return Format("%g M", count / 1e6);
  if (count >= 1e3) return Format("%g k", count / 1e3);
  return Format("%g", count);
}

}  // namespace vigie::bench
