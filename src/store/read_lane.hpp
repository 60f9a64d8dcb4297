#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/completions.hpp"
#include "store/store_reader.hpp"
#include "store/unit.hpp"

namespace elves {

/// Reads of one kind, each on one of a few threads with a read-only connection of its own, begun in the order
/// in which they were added. What waits in one lane delays nothing in another.
class ReadLane {
public:
    struct Limits {
        std::size_t waiting;            ///< Reads that have not begun; one more is not taken.
        std::size_t threads;            ///< At least 1.
        std::chrono::milliseconds time; ///< For one read, then Error 429.1.
    };

    /// Opens the first connection; the others are opened when they are needed. Throws as open_db.
    ReadLane(std::string path, Limits limits, std::shared_ptr<Completions> completions);
    ~ReadLane();
    ReadLane(ReadLane const&) = delete;
    ReadLane& operator=(ReadLane const&) = delete;

    /// `unit` runs once that many writes are `written`. False, and `unit` is as it was, where too many wait.
    /// On the loop's thread.
    [[nodiscard]] bool add(Unit& unit, std::int64_t after);
    /// So many writes have been committed or have failed so far. On the writer's thread.
    void written(std::int64_t finished);
    /// Ends the reads that run, and waits for that. Destroys those that wait. On the loop's thread.
    void stop();

private:
    struct Read {
        Unit unit;
        std::int64_t after;
    };
    void run(StoreReader& reader);
    [[nodiscard]] bool has_ready() const { return !reads_.empty() && reads_.front().after <= finished_; }

    std::string path_;
    Limits limits_;
    std::shared_ptr<Completions> completions_;
    std::vector<StoreReader> readers_;   ///< One for each thread.
    std::atomic<bool> stopping_ = false; ///< Set under the mutex; read by a long read without.

    std::mutex mutex_; ///< Over the three below.
    std::condition_variable ready_;
    std::deque<Read> reads_;
    std::int64_t finished_ = 0;

    std::vector<std::thread> threads_;
};

} // namespace elves
