// The chart of search_report.h: SVG by hand, no fonts and no scripts from elsewhere.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <utility>

#include "bench/page.h"
#include "bench/search_report.h"

namespace vigie::bench {
namespace {

constexpr double kWidth = 900;
constexpr double kHeight = 500;
constexpr double kLeft = 84;
constexpr double kRight = 680;  // of the plot; the legend is to the right of it
constexpr double kTop = 56;
constexpr double kBottom = 436;
constexpr double kLegendLine = 24;
constexpr size_t kColours = 8;

// Lines that people with any colour vision tell apart, lighter on a dark ground.
struct Colours {
  const char* paper;
  const char* text;
  const char* grid;
  const char* axis;
  std::array<const char*, kColours> lines;
};
constexpr Colours kOnLight = {
    "#ffffff",
    "#333333",
    "#dddddd",
    "#888888",
    {"#0072b2", "#d55e00", "#00875f", "#b0508c", "#8a6d00", "#222222", "#6b4fbb", "#7a8a99"}};
constexpr Colours kOnDark = {
    "#16181c",
    "#dddddd",
    "#33363c",
    "#888888",
    {"#4ea8e0", "#ff8a3d", "#2fc493", "#e58cc4", "#e6c229", "#f4f4f4", "#b3a0f5", "#8fa3b5"}};

template <typename... Args>
std::string Format(const char* format, Args... args) {
  char text[512];
  std::snprintf(text, sizeof(text), format, args...);
  return text;
}

// Plain rules, no variables: not every program that shows SVG knows them.
void WriteColours(const Colours& colours, std::ostream& out) {
  out << Format("text { fill: %s } .paper { fill: %s } .grid { stroke: %s } .axis { stroke: %s }\n",
                colours.text, colours.paper, colours.grid, colours.axis);
  for (size_t i = 0; i < kColours; ++i) {
    out << Format(".c%zu .line { stroke: %s } .c%zu .dot { fill: %s }\n", i, colours.lines[i], i,
                  colours.lines[i]);
  }
}

void WriteStyle(std::ostream& out) {
  out << "<style>\n"
         "text { font: 13px system-ui, sans-serif } .title { font-size: 16px; font-weight: 600 }\n"
         ".grid, .axis { stroke-width: 1 } .axis { fill: none }\n"
         ".line { fill: none; stroke-width: 2.5 }\n";
  WriteColours(kOnLight, out);
  out << "@media (prefers-color-scheme: dark) {\n";
  WriteColours(kOnDark, out);
  out << "}\n</style>\n";
}

std::string TimeLabel(double us) {
  if (us >= 1e6) return Format("%g s", us / 1e6);
  if (us >= 1e3) return Format("%g ms", us / 1e3);
  return Format("%g µs", us);
}

std::string CountLabel(double n) {
  if (n >= 1e6) return Format("%g M", n / 1e6);
  if (n >= 1e3) return Format("%g k", n / 1e3);
  return Format("%g", n);
}

// One axis: values to pixels.
struct Axis {
  bool logarithmic = true;
  double low = 1;
  double high = 10;
  double from = 0;  // the pixel of `low`
  double to = 1;    // of `high`

  double At(double value) const {
    const double share =
        logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return from + share * (to - from);
  }
};

// Around `values`, to the next of 1, 2, 5 times a power of ten.
std::pair<double, double> LogRange(double low, double high) {
  const auto step = [](double value, bool up) {
    const double decade = std::pow(10, std::floor(std::log10(value)));
    constexpr std::array kSteps = {1.0, 2.0, 5.0, 10.0};
    double best = up ? 10 * decade : decade;
    for (const double s : kSteps) {
      if (up && s * decade >= value * 0.999) return s * decade;
      if (!up && s * decade <= value * 1.001) best = s * decade;
    }
    return best;
  };
  const double from = step(low, false);
  const double to = step(high, true);
  return {from, to > from ? to : 10 * from};
}

// Powers of ten; 2 and 5 times them too when there are few.
std::vector<double> LogTicks(const Axis& axis) {
  const bool few = axis.high / axis.low < 2000;
  std::vector<double> ticks;
  for (double decade = std::pow(10, std::floor(std::log10(axis.low))); decade <= axis.high * 1.001;
       decade *= 10) {
    for (const double s : {1.0, 2.0, 5.0}) {
      const double tick = s * decade;
      const bool inside = tick >= axis.low * 0.999 && tick <= axis.high * 1.001;
      if (inside && (s == 1 || few)) ticks.push_back(tick);
    }
  }
  return ticks;
}

struct Chart {
  bool against_radius = false;
  bool several_sizes = false;
  bool several_threads = false;
  std::vector<std::string> names;  // of the lines, in the order of the table
  std::map<std::string, std::vector<std::pair<double, double>>> lines;
  Axis x;
  Axis y;
};

std::string NameOf(const Chart& chart, const SearchRow& row) {
  std::string name = LabelOf(row);
  if (chart.against_radius && chart.several_sizes) {
    name += ", " + CountLabel(static_cast<double>(row.n));
  }
  if (chart.several_threads) {
    name += Format(row.threads == 1 ? ", %zu thread" : ", %zu threads", row.threads);
  }
  return name;
}

Chart MakeChart(std::span<const SearchRow> rows) {
  Chart chart;
  std::set<size_t> sizes;
  std::set<int> radii;
  std::set<size_t> threads;
  for (const SearchRow& row : rows) {
    sizes.insert(row.n);
    radii.insert(row.radius);
    threads.insert(row.threads);
  }
  chart.against_radius = radii.size() > 1;
  chart.several_sizes = sizes.size() > 1;
  chart.several_threads = threads.size() > 1;
  double low = rows[0].mean_us;
  double high = low;
  for (const SearchRow& row : rows) {
    const std::string name = NameOf(chart, row);
    auto& line = chart.lines[name];
    if (line.empty()) chart.names.push_back(name);
    line.emplace_back(chart.against_radius ? row.radius : static_cast<double>(row.n), row.mean_us);
    low = std::min(low, row.mean_us);
    high = std::max(high, row.mean_us);
  }
  for (auto& [name, line] : chart.lines) std::sort(line.begin(), line.end());
  std::tie(chart.y.low, chart.y.high) = LogRange(low, high);
  chart.y.from = kBottom;
  chart.y.to = kTop;
  chart.x.logarithmic = !chart.against_radius;
  if (chart.against_radius) {
    chart.x.low = *radii.begin();
    chart.x.high = *radii.rbegin();
  } else if (chart.several_sizes) {
    chart.x.low = static_cast<double>(*sizes.begin());
    chart.x.high = static_cast<double>(*sizes.rbegin());
  } else {  // one size: in the middle
    chart.x.low = static_cast<double>(*sizes.begin()) / 10;
    chart.x.high = static_cast<double>(*sizes.begin()) * 10;
  }
  chart.x.from = kLeft + 16;
  chart.x.to = kRight - 16;
  return chart;
}

void DrawAxes(const Chart& chart, std::ostream& out) {
  for (const double tick : LogTicks(chart.y)) {
    const double y = chart.y.At(tick);
    out << Format("<line class=\"grid\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>\n", kLeft, y,
                  kRight, y)
        << Format("<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", kLeft - 8, y + 4.5,
                  TimeLabel(tick).c_str());
  }
  std::set<double> marks;  // the values that were measured are the ticks
  for (const auto& [name, line] : chart.lines) {
    for (const auto& point : line) marks.insert(point.first);
  }
  double last = -1e9;
  for (const double mark : marks) {
    const double x = chart.x.At(mark);
    out << Format("<line class=\"grid\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n", x, kTop,
                  x, kBottom);
    if (x - last < 44) continue;
    last = x;
    out << Format("<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", x, kBottom + 20,
                  chart.against_radius ? Format("%g", mark).c_str() : CountLabel(mark).c_str());
  }
  out << Format("<path class=\"axis\" d=\"M%g %gV%gH%g\"/>\n", kLeft, kTop, kBottom, kRight)
      << Format("<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", (kLeft + kRight) / 2,
                kBottom + 44, chart.against_radius ? "radius (bits, inclusive)" : "hashes")
      << Format(
             "<text transform=\"translate(20 %g) rotate(-90)\" text-anchor=\"middle\">mean time "
             "of a query</text>\n",
             (kTop + kBottom) / 2);
}

void DrawLine(const Chart& chart, const std::string& name, size_t number, std::ostream& out) {
  const auto& line = chart.lines.at(name);
  out << Format("<g class=\"c%zu\"><title>%s</title>\n<path class=\"line\"%s d=\"",
                number % kColours, Escaped(name).c_str(),
                number < kColours ? "" : " stroke-dasharray=\"6 4\"");
  const char* verb = "M";
  for (const auto& [x, y] : line) {
    out << verb << Format("%.1f %.1f", chart.x.At(x), chart.y.At(y));
    verb = "L";
  }
  out << "\"/>\n";
  for (const auto& [x, y] : line) {
    out << Format("<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%s: %s</title>",
                  chart.x.At(x), chart.y.At(y), Escaped(name).c_str(), TimeLabel(y).c_str())
        << "</circle>\n";
  }
  out << "</g>\n";
}

// In the order in which the lines end, so that the eye finds them.
void DrawLegend(const Chart& chart, std::ostream& out) {
  std::vector<size_t> order(chart.names.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto end_of = [&chart](size_t i) { return chart.lines.at(chart.names[i]).back().second; };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return end_of(a) > end_of(b); });
  double y = kTop + 8;
  for (const size_t i : order) {
    out << Format("<g class=\"c%zu\"><path class=\"line\"%s d=\"M%g %gh24\"/>", i % kColours,
                  i < kColours ? "" : " stroke-dasharray=\"6 4\"", kRight + 16, y)
        << Format("<circle class=\"dot\" cx=\"%g\" cy=\"%g\" r=\"4\"/></g>", kRight + 28, y)
        << Format("<text x=\"%g\" y=\"%g\">%s</text>\n", kRight + 48, y + 4.5,
                  Escaped(chart.names[i]).c_str());
    y += kLegendLine;
  }
}

}  // namespace

void WriteChart(std::span<const SearchRow> rows, std::ostream& out) {
  if (rows.empty()) return;
  const Chart chart = MakeChart(rows);
  const double height =
      std::max(kHeight, kTop + 24 + kLegendLine * static_cast<double>(chart.names.size()));
  out << Format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" "
      "height=\"%g\">\n",
      kWidth, height, kWidth, height);
  WriteStyle(out);
  out << Format("<rect class=\"paper\" width=\"%g\" height=\"%g\"/>\n", kWidth, height);
  std::string title = "Hamming range search, 256 bits, " + std::string(Name(rows[0].distribution));
  if (!chart.against_radius) title += Format(", radius %d", rows[0].radius);
  if (chart.against_radius && !chart.several_sizes) {
    title += ", " + CountLabel(static_cast<double>(rows[0].n)) + " hashes";
  }
  if (!chart.several_threads && rows[0].threads > 1) {
    title += Format(", %zu threads", rows[0].threads);
  }
  out << Format("<text class=\"title\" x=\"%g\" y=\"32\">%s</text>\n", kLeft, title.c_str());
  DrawAxes(chart, out);
  for (size_t i = 0; i < chart.names.size(); ++i) DrawLine(chart, chart.names[i], i, out);
  DrawLegend(chart, out);
  out << "</svg>\n";
}

}  // namespace vigie::bench
