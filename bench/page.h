// One HTML page that stands alone: headings, tables and bar charts, no scripts, nothing from
// elsewhere.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace vigie::bench {

// "<", "&" and quotes made harmless: file names and what files say are somebody else's text.
std::string Escaped(const std::string& text);

struct Table {
  std::vector<std::string> columns;  // the first is left-aligned, the others right
  std::vector<std::vector<std::string>> rows;
};

struct Bar {
  std::string label;
  double value = 0;
  std::string text;  // what stands beside it: the value with its unit
  int colour = 0;    // 0 to 3: bars of one colour are alike
};

struct BarChart {
  std::string title;
  std::vector<Bar> bars;
  bool logarithmic = false;
  // A value that is to be reached, or not to be passed.
  std::optional<double> mark;
  std::string mark_text;
};

class Page {
 public:
  // Begins the page. `out` outlives it.
  Page(std::ostream& out, const std::string& title);
  // Ends it.
  ~Page();
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  void Heading(const std::string& text);
  void Text(const std::string& text);
  // Stands out: an answer was wrong.
  void Warning(const std::string& text);
  void Add(const Table& table);
  // Nothing for a chart without bars.
  void Add(const BarChart& chart);
  // An SVG element, as it is.
  void AddSvg(const std::string& svg);

 private:
  std::ostream& out_;
};

// "12.3", "4 560", "0.871": three digits that count, thousands apart.
std::string Rounded(double value);
// "870 us", "4.2 ms", "1.3 s".
std::string Duration(double us);
// "1 k", "10 M".
std::string CountText(double count);

}  // namespace vigie::bench
