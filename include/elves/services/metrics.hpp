#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "elves/histogram.hpp"

namespace elves {

/// Takes the numbers of one scrape. Names are without the prefix `elves_`, in base units; those of counters
/// end in `_total`. A label's value is one of few: never an address, a key, an id, or what somebody can send.
class MetricWriter {
public:
    using Label = std::pair<std::string_view, std::string_view>;
    using Labels = std::initializer_list<Label>;

    virtual ~MetricWriter() = default;
    /// What can go up and down.
    virtual void gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) = 0;
    /// What only grows until the server starts again.
    virtual void counter(std::string_view name, std::string_view help, double value, Labels labels = {}) = 0;
    /// Of a name that every program has, without the prefix.
    virtual void standard_gauge(std::string_view name, std::string_view help, double value) = 0;
    virtual void standard_counter(std::string_view name, std::string_view help, double value) = 0;
    virtual void histogram(
        std::string_view name, std::string_view help, Histogram const& value, Labels labels = {}) = 0;
};

/// The numbers of /metrics. Offered by the server. On the loop's thread.
class Metrics {
public:
    static constexpr std::string_view service_name = "Metrics (server)";
    virtual ~Metrics() = default;

    /// Calls `source` at each scrape: it writes from memory, and waits for nothing. Before the loop runs.
    virtual void add(std::function<void(MetricWriter&)> source) = 0;
};

} // namespace elves
