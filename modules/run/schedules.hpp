#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/clock.hpp"
#include "elves/cron_life.hpp"
#include "elves/one_at_a_time.hpp"
#include "elves/services/authority.hpp"
#include "elves/store.hpp"
#include "run_schedule.hpp"
#include "runs.hpp"
#include "schedule_records.hpp"

namespace elves {

/// The schedules: in memory, on disk first, and fired. Drives elves::cron_life. On the loop's thread. All
/// that it is made of outlives it.
///
/// A firing is (schedule, fire time). The run, or the record of why nothing ran, is written together with how
/// far the schedule is then: so each of its times is accounted for once, whatever crashes. Of one schedule
/// one firing is on its way at a time.
class Schedules {
public:
    static constexpr std::size_t most = 10'000;

    struct House {
        Runs& runs;
        Targets& targets;
        Authority const* authority; ///< Null where there are no keys.
        Store& store;
        Clock& clock;
        Zone zone;
        LoopExecutor loop;
    };
    explicit Schedules(House house);

    /// Before the loop runs: takes up all, and accounts for what passed while the server was down.
    void start();
    void stop();

    struct Entry {
        explicit Entry(RunSchedule schedule_) : schedule(std::move(schedule_)) {}
        RunSchedule schedule; ///< `settled` and `owed` are those of `state`.
        cron_life::State state{};
        bool is_firing = false;
        std::chrono::milliseconds pause{0}; ///< Before the next try of what could not be recorded.
        Timer retry;
    };
    using Entries = std::map<TaskId, std::shared_ptr<Entry>>;
    /// By id. Valid until the next co_await.
    [[nodiscard]] Entries const& all() const noexcept { return entries_; }

    // Each of these returns when it is on disk, with what `also` writes. Error 507.1: nothing has changed.
    /// Adds it, or takes the place of the one with that id; times of that one which have not started are
    /// recorded as skipped, as they are by the next two. Throws Error 417.1 for an unknown id, 429.1.
    [[nodiscard]] asio::awaitable<void> put(RunSchedule schedule, bool is_new, Store::Work also);
    [[nodiscard]] asio::awaitable<void> erase(TaskId id, Store::Work also);
    /// Throws Error 409.3 where it is so already.
    [[nodiscard]] asio::awaitable<void> set_on(TaskId id, bool on, Store::Work also);

    /// Throws Error 417.1 where there is none. Valid until the next co_await.
    [[nodiscard]] RunSchedule const& find(TaskId id) const;

private:
    using EntryPtr = std::shared_ptr<Entry>;
    using Mark = schedule_records::Mark;
    /// What one step of a schedule writes.
    struct Step {
        cron_life::State state;        ///< Once it is on disk.
        std::optional<Instant> run{};  ///< Starts the run of that time,
        std::optional<Instant> skip{}; ///< or records that it did not start,
        Instant skip_last{};           ///< nor the times up to this one,
        std::string why{};             ///< for this reason.
    };

    [[nodiscard]] EntryPtr entry(TaskId id) const;
    void resume(Entry& entry, Instant absent_until);
    void enqueue(Entry const& entry);
    void arm();
    void turn();
    void look_at_clock(Instant now);
    [[nodiscard]] asio::awaitable<void> rewind(Instant now);
    void fire_soon(EntryPtr const& entry);
    [[nodiscard]] asio::awaitable<void> fire(EntryPtr entry);
    [[nodiscard]] std::optional<Step> next_step(Entry const& entry) const;
    [[nodiscard]] asio::awaitable<void> carry_out(EntryPtr entry, Step step);
    [[nodiscard]] asio::awaitable<bool> begin_run(EntryPtr entry, Step step, Mark from);
    [[nodiscard]] asio::awaitable<bool> record(EntryPtr entry, Step step, Mark from);
    [[nodiscard]] asio::awaitable<void> reload(EntryPtr entry, Mark refused);
    void moved(Entry& entry, cron_life::State const& state);
    [[nodiscard]] static Mark mark_of(Entry const& entry);
    [[nodiscard]] static Store::Work moving(TaskId id, Mark const& from, cron_life::State const& to);
    [[nodiscard]] Caller caller_of(RunSchedule const& schedule) const;
    [[nodiscard]] Store::Work closing(TaskId id, std::string reason) const;
    [[nodiscard]] std::vector<std::string> users_of(std::string_view group) const;

    House house_;
    Entries entries_;
    cron_life::DueQueue queue_;
    cron_life::ClockWatch watch_;
    Timer timer_;
    OneAtATime changes_;
    bool is_running_ = false;
};

} // namespace elves
