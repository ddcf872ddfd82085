// Families of the Prometheus text format. A family's name, type and sentence are said once, where
// it is filled.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/metrics/histogram.h"

namespace vigie {

using Families = std::vector<prometheus::MetricFamily>;
// Names and values of the labels of one series. Values come from enumerations and constants only:
// never from a caller, and never an organisation, a list, an entry or a hash.
using LabelValues = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Adds an empty family; the result is valid until the next one is added.
prometheus::MetricFamily& AddFamily(Families& families, std::string_view name,
                                    prometheus::MetricType type, std::string_view help);
// Add one series to a family of the type.
void AddCounter(prometheus::MetricFamily& family, double value, LabelValues labels = {});
void AddGauge(prometheus::MetricFamily& family, double value, LabelValues labels = {});
// Observed values are divided by `scale`: 1e9 for nanoseconds as seconds.
void AddHistogram(prometheus::MetricFamily& family, const Histogram& histogram, double scale,
                  LabelValues labels = {});

// A family of one series without labels.
void Counter(Families& families, std::string_view name, std::string_view help, double value);
void Gauge(Families& families, std::string_view name, std::string_view help, double value);

// The text of /metrics.
std::string ToText(const Families& families);

}  // namespace vigie
