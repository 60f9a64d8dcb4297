#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "elves/histogram.hpp"
#include "elves/services/metrics.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// The numbers of tasks: of those that have ended since the start, and of those that are open now. On the
/// loop's thread; the engine outlives it.
class TaskMetrics {
public:
    /// As many apps have a series of their own; the others are `other`.
    static constexpr std::size_t most_apps = 100;

    TaskMetrics(TaskEngine& engine, Clock& clock);
    void write(MetricWriter& to) const;
    /// Grows with each task that ends.
    [[nodiscard]] std::uint64_t ended() const noexcept { return ended_; }

private:
    static constexpr std::size_t types = 3;
    static constexpr std::size_t statuses = static_cast<std::size_t>(TaskStatus::lost) + 1;
    using ByStatus = std::array<std::uint64_t, statuses>;

    void finished(Task const& task);
    [[nodiscard]] ByStatus& of_app(std::string const& app);
    void write_open(MetricWriter& to) const;
    void write_cron(MetricWriter& to) const;

    TaskEngine& engine_;
    Clock& clock_;
    std::array<ByStatus, types> totals_{};
    std::array<Histogram, types> handover_;
    std::array<Histogram, types> worker_;
    std::map<std::string, ByStatus, std::less<>> apps_;
    std::uint64_t ended_ = 0;
    ByStatus run_hosts_{};
    std::uint64_t results_well_ = 0;
    std::uint64_t results_failed_ = 0;
    std::uint64_t results_none_ = 0;
    std::map<std::string_view, std::uint64_t> skipped_; ///< Firings, by reason.
    Histogram cron_late_;
};

} // namespace elves
