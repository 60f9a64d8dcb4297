#pragma once

#include <cstddef>
#include <string>

#include "elves/json.hpp"

namespace elves::http {

/// The hosts of a target as Prometheus' http_sd wants them
/// (https://prometheus.io/docs/prometheus/latest/http_sd/), from the pages of `fleet.findagents`.
class ScrapeTargets {
public:
    ScrapeTargets(std::string target, std::string port) : target_(std::move(target)), port_(std::move(port))
    {
    }

    /// The fields of the next call.
    [[nodiscard]] std::string question() const;
    /// A page of its reply.
    void add(json::object const& reply);
    [[nodiscard]] bool is_done() const noexcept { return is_done_; }
    /// Bytes so far.
    [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
    [[nodiscard]] std::string take() { return std::move(text_ += "]"); }

private:
    std::string target_;
    std::string port_;
    std::string after_;
    bool is_done_ = false;
    std::string text_ = "[";
};

} // namespace elves::http
