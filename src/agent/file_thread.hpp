#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "elves/asio.hpp"
#include "elves/clock.hpp"

namespace elves::agent {

/// Writes files apart from the loop, which a slow disk must not hold up: one thread, started at its first
/// use. Used on the loop's thread; `loop` and `clock` outlive it.
class FileThread {
public:
    FileThread(LoopExecutor loop, Clock& clock) : loop_(std::move(loop)), clock_(clock) {}
    /// Waits for the work that runs; what is queued is dropped.
    ~FileThread();
    FileThread(FileThread const&) = delete;
    FileThread& operator=(FileThread const&) = delete;

    /// Returns when `work` has run there. Throws what it threw. Bounding what is queued is the caller's.
    [[nodiscard]] asio::awaitable<void> run(std::function<void()> work);

private:
    struct Job {
        std::function<void()> work;
        std::function<void(std::exception_ptr)> done;
    };
    void serve();

    LoopExecutor loop_;
    Clock& clock_;
    std::mutex mutex_;
    std::condition_variable has_work_;
    std::deque<Job> queue_; ///< Under the mutex, as is the next.
    bool is_ending_ = false;
    std::thread thread_;
};

} // namespace elves::agent
