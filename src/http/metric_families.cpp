#include "http/metric_families.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace elves::http {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::vector<ClientMetric::Label> labels_of(MetricWriter::Labels labels)
{
    std::vector<ClientMetric::Label> all;
    for (auto const& [name, value] : labels) all.push_back({std::string(name), std::string(value)});
    return all;
}

std::string prefixed(std::string_view name) { return "elves_" + std::string(name); }

std::string number(double value)
{
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    std::array<char, 32> text{};
    auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

/// As both formats want it in a help line and in a label's value.
std::string escaped(std::string_view text, bool is_label)
{
    std::string all;
    for (char const c : text) {
        if (c == '\\')
            all += "\\\\";
        else if (c == '\n')
            all += "\\n";
        else if (c == '"' && is_label)
            all += "\\\"";
        else
            all += c;
    }
    return all;
}

std::string label_text(std::vector<ClientMetric::Label> const& labels, std::string const& bound)
{
    std::string text;
    for (auto const& label : labels)
        text += (text.empty() ? "" : ",") + label.name + "=\"" + escaped(label.value, true) + "\"";
    if (!bound.empty()) text += std::string(text.empty() ? "" : ",") + "le=\"" + bound + "\"";
    return text.empty() ? text : "{" + text + "}";
}

void append_histogram(std::string& out, std::string const& name, ClientMetric const& metric)
{
    for (auto const& bucket : metric.histogram.bucket) {
        out += name + "_bucket" + label_text(metric.label, number(bucket.upper_bound)) + " " +
               std::to_string(bucket.cumulative_count) + "\n";
    }
    auto const labels = label_text(metric.label, "");
    out += name + "_sum" + labels + " " + number(metric.histogram.sample_sum) + "\n";
    out += name + "_count" + labels + " " + std::to_string(metric.histogram.sample_count) + "\n";
}

std::string_view type_text(MetricType type)
{
    if (type == MetricType::Counter) return "counter";
    return type == MetricType::Histogram ? "histogram" : "gauge";
}

} // namespace

/// Of a label value that is one too many the series is that of `other`.
ClientMetric& MetricFamilies::metric(
    std::string_view name, std::string_view help, MetricType type, Labels labels)
{
    auto const [place, is_new] = places_.try_emplace(std::string(name), families_.size());
    if (is_new) families_.push_back({std::string(name), std::string(help), type, {}});
    auto& metrics = families_[place->second].metric;
    auto all = labels_of(labels);
    bool const is_full = series_ >= most_series_ && !all.empty();
    if (is_full) all.back().value = "other";
    if (is_full) {
        auto const found =
            std::find_if(metrics.begin(), metrics.end(), [&](auto const& one) { return one.label == all; });
        if (found != metrics.end()) return *found;
    }
    ++series_;
    metrics.emplace_back();
    metrics.back().label = std::move(all);
    return metrics.back();
}

void MetricFamilies::gauge(std::string_view name, std::string_view help, double value, Labels labels)
{
    metric(prefixed(name), help, MetricType::Gauge, labels).gauge.value += value;
}

void MetricFamilies::standard_gauge(std::string_view name, std::string_view help, double value)
{
    metric(name, help, MetricType::Gauge, {}).gauge.value = value;
}

void MetricFamilies::standard_counter(std::string_view name, std::string_view help, double value)
{
    metric(name, help, MetricType::Counter, {}).counter.value = value;
}

void MetricFamilies::counter(std::string_view name, std::string_view help, double value, Labels labels)
{
    metric(prefixed(name), help, MetricType::Counter, labels).counter.value += value;
}

void MetricFamilies::histogram(
    std::string_view name, std::string_view help, Histogram const& value, Labels labels)
{
    auto& histogram = metric(prefixed(name), help, MetricType::Histogram, labels).histogram;
    auto const counts = value.counts();
    histogram.bucket.resize(counts.size());
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        sum += counts[i];
        auto& bucket = histogram.bucket[i];
        bucket.cumulative_count += sum;
        bucket.upper_bound =
            i < Histogram::bounds.size() ? Histogram::bounds[i] : std::numeric_limits<double>::infinity();
    }
    histogram.sample_count += sum;
    histogram.sample_sum += value.sum();
}

std::vector<MetricFamily> MetricFamilies::take() { return std::move(families_); }

/// https://github.com/OpenObservability/OpenMetrics: a counter's family is named without `_total`.
std::string open_metrics_text(std::vector<MetricFamily> const& families)
{
    constexpr std::string_view total = "_total";
    std::string out;
    for (auto const& family : families) {
        bool const is_counter = family.type == MetricType::Counter && family.name.ends_with(total);
        auto const name = is_counter ? family.name.substr(0, family.name.size() - total.size()) : family.name;
        out.append("# TYPE ").append(name).append(" ").append(type_text(family.type)).append("\n");
        out.append("# HELP ").append(name).append(" ").append(escaped(family.help, true)).append("\n");
        for (auto const& metric : family.metric) {
            if (family.type == MetricType::Histogram) {
                append_histogram(out, family.name, metric);
                continue;
            }
            auto const value = is_counter ? metric.counter.value : metric.gauge.value;
            out += family.name + label_text(metric.label, "") + " " + number(value) + "\n";
        }
    }
    return out + "# EOF\n";
}

} // namespace elves::http
