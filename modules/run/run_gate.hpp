#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/services/start_gate.hpp"
#include "elves/services/targets.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/store.hpp"
#include "start_cap.hpp"
#include "start_window.hpp"

namespace elves {

/// The start gate: windows and caps, in memory and on disk first. What a cap counts are open tasks, each
/// where it fell when it was handed over. On the loop's thread. All that it is made of outlives it.
class RunGate final : public StartGate {
public:
    static constexpr std::size_t most_windows = 1'000;
    static constexpr std::size_t most_caps = 100;

    RunGate(TaskEngine const& engine, Targets& targets, Store& store, Clock& clock, Zone zone);

    /// Before the loop runs only: reads what there is, and counts what is open.
    void start();
    void stop();

    [[nodiscard]] std::optional<Obstacle> obstacle(Ip const& host, Instruction const& ins) override;
    [[nodiscard]] bool is_capped(Instruction const& ins) const override;
    void begun(TaskId task, Ip const& host, Instruction const& ins) override;
    void ended(TaskId task) override;
    void on_free(std::function<void(std::string const&)> then) override
    {
        on_free_.push_back(std::move(then));
    }

    /// A window that keeps some of those hosts from starting at a moment.
    struct Closed {
        std::string name;
        std::string note;
        Instant until{};
        std::vector<Ip> hosts; ///< In the order of the given ones.
    };
    /// The windows that are closed for `ins` at `at`, by name, each with the hosts that it holds back. Of
    /// many hosts some at a time: the loop goes on.
    [[nodiscard]] asio::awaitable<std::vector<Closed>> closed_for(
        std::vector<Ip> hosts, Instruction ins, Instant at) const;

    struct WindowEntry {
        StartWindow window;
        std::unique_ptr<HostTest> test;
        StartWindow::Stretch stretch{}; ///< The last that was looked at.
    };
    struct CapEntry {
        StartCap cap;
        std::unique_ptr<HostTest> test;
        CapCount count{};
    };
    using Windows = std::map<std::string, WindowEntry, std::less<>>;
    using Caps = std::map<std::string, CapEntry, std::less<>>;
    /// By name. Valid until the next co_await.
    [[nodiscard]] Windows const& windows() const noexcept { return windows_; }
    [[nodiscard]] Caps const& caps() const noexcept { return caps_; }

    // Each of these returns when it is on disk, with what `also` writes. Error 507.1: nothing has changed.
    /// Adds or replaces. Throws Error 403.10, 403.11, 417.2, 429.1.
    [[nodiscard]] asio::awaitable<void> set(StartWindow window, Store::Work also);
    [[nodiscard]] asio::awaitable<void> set(StartCap cap, Store::Work also);
    /// Throws Error 417.2 where there is none.
    [[nodiscard]] asio::awaitable<void> erase_window(std::string name, Store::Work also);
    [[nodiscard]] asio::awaitable<void> erase_cap(std::string name, Store::Work also);

private:
    [[nodiscard]] bool is_closed(WindowEntry& entry);
    [[nodiscard]] std::string value_of(StartCap const& cap, Ip const& host) const;
    void count_open(CapEntry& entry);
    [[nodiscard]] asio::awaitable<void> see_starts();
    void keep(StartWindow window, std::unique_ptr<HostTest> test);
    void keep(StartCap cap, std::unique_ptr<HostTest> test);
    void wake_at(std::string const& place, Instant at);
    void wake();
    void free(std::string const& place);
    [[nodiscard]] std::vector<std::string> users_of(std::string_view group) const;

    TaskEngine const& engine_;
    Targets& targets_;
    Store& store_;
    Clock& clock_;
    Zone zone_;
    Windows windows_;
    Caps caps_;
    /// A task that takes places under caps, from its start on.
    struct Begun {
        Ip host;
        Instruction ins; ///< Its app and func.
    };
    std::unordered_map<TaskId, Begun> begun_; ///< Since there was a cap.
    bool sees_starts_ = false;
    std::map<std::string, Instant> opening_; ///< Windows that something waits for, and when to look again.
    Timer timer_;
    std::vector<std::function<void(std::string const&)>> on_free_;
};

} // namespace elves
