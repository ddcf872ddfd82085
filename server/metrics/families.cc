#include "server/metrics/families.h"

#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

namespace vigie {
namespace {

prometheus::ClientMetric& AddSeries(prometheus::MetricFamily& family, LabelValues labels) {
  prometheus::ClientMetric& series = family.metric.emplace_back();
  for (const auto& [name, value] : labels) {
    series.label.push_back({.name = std::string(name), .value = std::string(value)});
  }
  return series;
}

}  // namespace

prometheus::MetricFamily& AddFamily(Families& families, std::string_view name,
                                    prometheus::MetricType type, std::string_view help) {
  prometheus::MetricFamily& family = families.emplace_back();
  family.name = std::string(name);
  family.help = std::string(help);
  family.type = type;
  return family;
}

void AddCounter(prometheus::MetricFamily& family, double value, LabelValues labels) {
  AddSeries(family, labels).counter.value = value;
}

void AddGauge(prometheus::MetricFamily& family, double value, LabelValues labels) {
  AddSeries(family, labels).gauge.value = value;
}

void AddHistogram(prometheus::MetricFamily& family, const Histogram& histogram, double scale,
                  LabelValues labels) {
  const HistogramCounts counts = histogram.Read();
  prometheus::ClientMetric::Histogram& out = AddSeries(family, labels).histogram;
  for (size_t i = 0; i < counts.buckets.size(); ++i) {
    out.sample_count += counts.buckets[i];
    const bool last = i == histogram.bounds().size();
    out.bucket.push_back({.cumulative_count = out.sample_count,
                          .upper_bound = last
                                             ? std::numeric_limits<double>::infinity()
                                             : static_cast<double>(histogram.bounds()[i]) / scale});
  }
  out.sample_sum = static_cast<double>(counts.sum) / scale;
}

void Counter(Families& families, std::string_view name, std::string_view help, double value) {
  AddCounter(AddFamily(families, name, prometheus::MetricType::Counter, help), value);
}

void Gauge(Families& families, std::string_view name, std::string_view help, double value) {
  AddGauge(AddFamily(families, name, prometheus::MetricType::Gauge, help), value);
}

std::string ToText(const Families& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace vigie
