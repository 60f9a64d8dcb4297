#pragma once

#include <string>
#include <vector>

#include "elves/error.hpp"
#include "sim/gate_clients.hpp"
#include "sim/heard.hpp"
#include "sim/invariants.hpp"
#include "sim/run_clients.hpp"
#include "sim/schedule_clients.hpp"
#include "sim/sim_network.hpp"

namespace elves::sim {

/// What clients do how often; the sum is 1,000.
struct Habits {
    int async = 430;
    int sync = 195;
    int cancel = 95;
    int look = 95;
    int cron = 150;
    int run = 35;
    int schedule = 0;
    int gate = 0; ///< Windows and caps.
};
/// Of clients that do little but run things on many hosts.
inline constexpr Habits fleet_habits{200, 100, 80, 60, 60, 400, 100, 0};
/// Of clients under whose hands windows and caps come and go.
inline constexpr Habits gate_habits{420, 120, 60, 40, 80, 120, 40, 120};

/// All the clients, which never crash: each asks for one thing after the other, and what it hears is checked.
class SimClients final : public Process {
public:
    struct Place {
        Machine& machine;
        SimNetwork& network;
        Machine& server;
        std::vector<Machine*> agents;
        Invariants& invariants;
        RunWatch& run_watch;
        GateWatch& gate_watch;
        Zone zone; ///< The server's.
    };
    SimClients(Nature& nature, Place place, Habits habits, std::size_t count);
    ~SimClients() override;

    /// No new tasks and jobs from now on.
    void be_quiet() { quiet_ = true; }
    /// Stops every cron job, as long as it takes.
    void stop_all_crons() { begin(stop_crons()); }
    /// Deletes every schedule and every window that is closed once; then ends every run that does not end by
    /// itself, and waits for the others.
    void end_all_runs() { begin(end_runs()); }
    /// Nobody waits for an answer.
    [[nodiscard]] bool is_idle() const noexcept { return busy_ == 0; }

private:
    struct Cron {
        Machine* agent;
        std::string id;
        std::string type;
    };
    [[nodiscard]] asio::awaitable<void> live();
    /// Something to wait for.
    void begin(asio::awaitable<void> work);
    [[nodiscard]] asio::awaitable<void> ask_something();
    [[nodiscard]] asio::awaitable<void> send(bool sync);
    [[nodiscard]] asio::awaitable<void> cancel();
    [[nodiscard]] asio::awaitable<void> look();
    [[nodiscard]] asio::awaitable<void> change_crons();
    [[nodiscard]] asio::awaitable<void> set_cron(Cron const* old);
    [[nodiscard]] asio::awaitable<void> stop_crons();
    [[nodiscard]] asio::awaitable<void> end_runs();
    /// On a link of its own, or one that it has.
    [[nodiscard]] asio::awaitable<Answer> call(
        std::string service, std::string method, json::object fields, std::chrono::milliseconds limit);
    [[nodiscard]] RunClients::Call caller();
    struct Sent {
        json::object ins;
        Machine const& agent;
        bool sync = false;
        Steady asked{};
    };
    void hear_send(Sent const& sent, Heard const& back);
    [[nodiscard]] json::object instruction(bool sync);

    Place place_;
    Habits habits_;
    std::shared_ptr<Link> link_;
    std::vector<TaskId> tasks_;
    std::vector<Cron> crons_;
    std::vector<std::string> dedups_;
    RunClients runs_;
    ScheduleClients schedules_;
    GateClients gates_;
    int asked_ = 0;
    int busy_ = 0;
    bool quiet_ = false;
};

} // namespace elves::sim
