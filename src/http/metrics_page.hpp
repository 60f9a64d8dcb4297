#pragma once

#include <functional>
#include <vector>

#include "elves/services/metrics.hpp"
#include "http/http_message.hpp"

namespace elves::http {

/// /metrics: asks every source, and writes Prometheus text 0.0.4, or OpenMetrics where `Accept` asks for it.
class MetricsPage final : public Metrics {
public:
    /// As many series a scrape shows at most; what is beyond counts as the label value `other`.
    static constexpr std::size_t most_series = 3'000;

    void add(std::function<void(MetricWriter&)> source) override { sources_.push_back(std::move(source)); }
    [[nodiscard]] Reply answer(Request const& request) const;

private:
    std::vector<std::function<void(MetricWriter&)>> sources_;
};

} // namespace elves::http
