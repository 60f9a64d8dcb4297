#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <unordered_set>

#include "elves/clock.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/services/dialer.hpp"
#include "elves/store.hpp"
#include "elves/task.hpp"
#include "task_records.hpp"

namespace elves {

/// Delivers results of mode `P` to the apps' processors, again and again until they are confirmed or it gives
/// up. What is owed is on disk (`deliveries`), written with the result itself. On the loop's thread.
class ProcessorOutbox {
public:
    ProcessorOutbox(LoopExecutor loop, Store& store, Clock& clock, AppDirectory const& apps, Dialer& dialer);

    /// Takes up what was owed when the server ended. Before the loop runs only.
    void load();
    void set_give_up(std::chrono::seconds give_up) { give_up_ = give_up; }
    /// A task that has just finished: delivers it, if it is of mode `P`.
    void finished(Task const& task);
    void stop() { stopped_ = true; }

private:
    void add(task_records::Delivery delivery);
    void start_next();
    [[nodiscard]] asio::awaitable<void> deliver(task_records::Delivery delivery);
    /// Tries once. True: it is over, one way or the other.
    [[nodiscard]] asio::awaitable<bool> attempt(Task task, Instant since);
    [[nodiscard]] asio::awaitable<task_records::ModuleLog> call_processor(Task task);

    LoopExecutor loop_;
    Store& store_;
    Clock& clock_;
    AppDirectory const& apps_;
    Dialer& dialer_;
    std::chrono::seconds give_up_{0};
    std::unordered_set<TaskId> known_;
    std::deque<task_records::Delivery> queue_; ///< Not begun: so many go on at once, no more.
    std::size_t under_way_ = 0;
    bool stopped_ = false;
};

} // namespace elves
