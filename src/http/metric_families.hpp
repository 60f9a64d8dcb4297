#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "elves/services/metrics.hpp"

namespace elves::http {

/// Collects one scrape as prometheus-cpp's families.
class MetricFamilies final : public MetricWriter {
public:
    explicit MetricFamilies(std::size_t most_series) : most_series_(most_series) {}

    void gauge(std::string_view name, std::string_view help, double value, Labels labels) override;
    void counter(std::string_view name, std::string_view help, double value, Labels labels) override;
    void standard_gauge(std::string_view name, std::string_view help, double value) override;
    void standard_counter(std::string_view name, std::string_view help, double value) override;
    void histogram(
        std::string_view name, std::string_view help, Histogram const& value, Labels labels) override;

    [[nodiscard]] std::vector<prometheus::MetricFamily> take();

private:
    [[nodiscard]] prometheus::ClientMetric& metric(
        std::string_view name, std::string_view help, prometheus::MetricType type, Labels labels);

    std::size_t most_series_;
    std::size_t series_ = 0;
    std::map<std::string, std::size_t, std::less<>> places_; ///< Of each family, by its name.
    std::vector<prometheus::MetricFamily> families_;
};

/// The families as OpenMetrics 1.0 text, which prometheus-cpp does not write.
[[nodiscard]] std::string open_metrics_text(std::vector<prometheus::MetricFamily> const& families);

} // namespace elves::http
