#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "load/histogram.hpp"

namespace elves::bench {

/// What nobody can beat on this machine, or with these libraries.

/// Sends back whatever comes, on a free port of loopback that it prints; until it is killed.
void serve_echo();
/// Hands each client's frame to a worker and its answer back, on two free ports that it prints.
void serve_relay();

struct CommitRate {
    Histogram latency; ///< Of one commit.
    std::size_t rows = 0;
    std::chrono::duration<double> length{};
};
/// Appends 4 KiB to a file and calls fdatasync, again and again. A row is a sync.
[[nodiscard]] CommitRate measure_disk(std::string const& folder, std::chrono::duration<double> length);
/// SQLite as the store opens it, and nothing else: `rows` a commit. A row is one small insert; with
/// `whole_life`, a task as tasklog writes it: inserted, and updated twice in later commits.
[[nodiscard]] CommitRate measure_sqlite(
    std::string const& folder, std::size_t rows, bool whole_life, std::chrono::duration<double> length);

} // namespace elves::bench
