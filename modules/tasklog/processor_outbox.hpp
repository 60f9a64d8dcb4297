#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "elves/clock.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/services/dialer.hpp"
#include "elves/services/metrics.hpp"
#include "elves/store.hpp"
#include "elves/task.hpp"
#include "task_records.hpp"

namespace elves {

/// Delivers results of mode `P` to the apps' processors, again and again until they are confirmed or it gives
/// up. What is owed is on disk (`deliveries`), written with the result itself. Apps take turns, and each has
/// some calls under way at once: a processor that does not answer holds up no other. On the loop's thread.
class ProcessorOutbox {
public:
    ProcessorOutbox(LoopExecutor loop, Store& store, Clock& clock, AppDirectory const& apps, Dialer& dialer);

    /// Takes up what was owed when the server ended. Before the loop runs only.
    void load();
    void set_give_up(std::chrono::seconds give_up) { give_up_ = give_up; }
    /// A task that has just finished: delivers it, if it is of mode `P`.
    void finished(Task const& task);
    void stop() { stopped_ = true; }
    void write_metrics(MetricWriter& to) const;

private:
    struct Owed {
        task_records::Delivery delivery;
        std::chrono::milliseconds pause; ///< After its next try, should that not be confirmed.
    };
    /// Tries since the start, by how they ended.
    struct Tries {
        std::uint64_t confirmed = 0;
        std::uint64_t given_up = 0;
        std::uint64_t retried = 0; ///< Not confirmed; there is another try.
    };
    struct App {
        std::deque<Owed> due;
        std::size_t under_way = 0;
        bool has_turn = false; ///< It stands in `turns_`.
    };

    void add(task_records::Delivery delivery);
    void try_soon(Owed owed);
    void take_turn(std::string const& app);
    void start_next();
    void start(Owed owed);
    void tried(Owed owed, bool over);
    /// Tries once. True: it is over, one way or the other.
    [[nodiscard]] asio::awaitable<bool> deliver(task_records::Delivery delivery);
    [[nodiscard]] asio::awaitable<bool> attempt(Task task, Instant since);
    [[nodiscard]] asio::awaitable<task_records::ModuleLog> call_processor(Task task);

    LoopExecutor loop_;
    Store& store_;
    Clock& clock_;
    AppDirectory const& apps_;
    Dialer& dialer_;
    std::chrono::seconds give_up_{0};
    std::unordered_map<TaskId, Timer> owed_; ///< What is pausing has a timer that runs.
    std::multiset<Instant> since_;           ///< When those became due, oldest first.
    Tries tries_;
    std::map<std::string, App> with_due_; ///< Those with something due or under way.
    std::deque<std::string> turns_;       ///< Of those that may begin another call.
    std::size_t under_way_ = 0;
    bool stopped_ = false;
};

} // namespace elves
