#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <string_view>

namespace elves::sim {

/// What a run may come to see; `names` has them in the same order.
enum class Sight {
    // What went wrong.
    crash,
    stop,
    pause,
    clock_forward,
    clock_back,
    parted,
    wire_cut,
    message_lost,
    message_held,
    half_open,
    slow_network,
    disk_full,
    write_refused,
    slow_disk,
    crash_before_commit,
    crash_after_commit,
    processor_refused,
    processor_silent,
    // What came of it.
    relinked,
    overtaken,
    result_again,
    delivery_again,
    // How tasks end.
    done,
    failed,
    timeout,
    canceled,
    expired,
    undelivered,
    skipped,
    lost,
    late_result,
    delivered,
    gave_up,
    processed,
    // Cron jobs.
    center_run,
    own_run,
    center_missed,
    own_missed,
    made_up,
    // Clients.
    sync_answer,
    dedup_again,
    cancel_told,
    // Output of workers.
    output_kept,
    output_cut,
    // How runs end, in the order of RunState; and what they come to on the way.
    run_done,
    run_partial,
    run_stopped,
    run_canceled,
    run_expired,
    run_max_fail,
    run_wave,
    run_person,
    run_not_started,
    run_retried,
    run_again,
    run_taken_up,
    // Schedules, windows and caps.
    schedule_run,
    schedule_skipped,
    schedule_missed,
    schedule_made_up,
    window_refused,
    cap_refused,
    held_back,
    forced_start,
    kinds, ///< How many there are.
};

/// How often each was seen.
class Tally {
public:
    static constexpr auto kinds = static_cast<std::size_t>(Sight::kinds);
    static constexpr std::array<std::string_view, kinds> names{"crash", "orderly stop",
        "process stands still", "clock set forward", "clock set back", "partition", "wire cut",
        "message lost with its wire", "message held by a partition", "end of a wire not told", "slow network",
        "disk full", "write refused", "slow disk", "crash before commit", "crash after commit, nobody told",
        "processor refuses", "processor silent", "agent's link replaced", "old link speaks after the new one",
        "result reported again", "result delivered again", "done", "failed", "timeout", "canceled", "expired",
        "undelivered", "skipped", "lost", "result after the end", "delivered to processor",
        "delivery given up", "processor's own word", "center cron run", "own cron run", "center times missed",
        "own times missed", "missed times made up for", "sendsync answered by a worker",
        "send repeated by dedup", "cancel acknowledged", "output kept whole", "output marked as cut",
        "run done", "run partial", "run stopped", "run canceled", "run expired", "run paused for max_fail",
        "run paused after a wave", "run paused by a person", "run's host not started", "run retried",
        "run begun again by dedup", "run taken up after an end of the server", "run of a schedule",
        "time of a schedule skipped", "times of a schedule missed", "missed times of a schedule made up for",
        "start refused for a window", "start refused for a cap", "task waits for a cap or a window",
        "forced start"};

    void see(Sight what) { ++counts_[static_cast<std::size_t>(what)]; }
    /// Where `key` was seen before.
    void see_again(Sight what, std::string const& key)
    {
        if (!keys_.insert(std::string(names[static_cast<std::size_t>(what)]) + key).second) see(what);
    }
    void add(Tally const& other)
    {
        for (std::size_t i = 0; i < kinds; ++i) counts_[i] += other.counts_[i];
    }
    /// A line for each; true: none of them is 0.
    bool print(std::ostream& out) const
    {
        bool all = true;
        for (std::size_t i = 0; i < kinds; ++i) {
            out << "  " << names[i] << ": " << counts_[i] << (counts_[i] == 0 ? "  <- never" : "") << '\n';
            all = all && counts_[i] > 0;
        }
        return all;
    }

private:
    std::array<std::uint64_t, kinds> counts_{};
    std::set<std::string> keys_;
};

} // namespace elves::sim
