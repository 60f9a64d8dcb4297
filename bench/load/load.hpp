#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sys/types.h>

#include "load/histogram.hpp"
#include "load/talk.hpp"

namespace elves::bench {

struct LoadPlan {
    tcp::endpoint server;
    tcp::endpoint workers_at; ///< Where workers connect.
    std::size_t connections = 1;
    std::size_t in_flight = 1; ///< On each connection, at most.
    std::size_t workers = 0;
    double rate =
        0; ///< Questions a second, asked when they are due (open loop); 0: each when one is answered.
    std::chrono::duration<double> warmup{1};
    std::chrono::duration<double> length{3};
    std::uint64_t answers = 0; ///< Ends after so many, whatever the time; 0: no such end.
    pid_t watched = 0;         ///< Whose processor time is counted; 0: nobody's.
    bool may_refuse = false;   ///< Refusals are counted; else they are errors.
};

struct LoadResult {
    /// From when a question was asked, or, in open loop, was due (so that a server that stands still is
    /// charged for those that could not be asked meanwhile), until its answer was read.
    Histogram latency;
    std::uint64_t refused = 0; ///< Of all, the warm-up included.
    std::chrono::duration<double> length{};
    std::chrono::duration<double> server_cpu{}; ///< Of the watched process, all threads.
    std::chrono::duration<double> own_cpu{};
};

/// Loads a server from one thread, in which the workers are too. `worker` may be null. Throws
/// std::runtime_error when an answer is not the one that is wanted or a connection breaks.
[[nodiscard]] LoadResult run_load(LoadPlan const& plan, Talk& talk, Worker* worker);

} // namespace elves::bench
