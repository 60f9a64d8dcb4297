#pragma once

#include <string>
#include <vector>

#include "elves/error.hpp"
#include "sim/invariants.hpp"
#include "sim/sim_network.hpp"

namespace elves::sim {

/// What clients do how often; the sum is 1,000.
struct Habits {
    int async = 450;
    int sync = 200;
    int cancel = 100;
    int look = 100;
    int cron = 150;
};

/// All the clients, which never crash: each asks for one thing after the other, and what it hears is checked.
class SimClients final : public Process {
public:
    struct Place {
        Machine& machine;
        SimNetwork& network;
        Machine& server;
        std::vector<Machine*> agents;
        Invariants& invariants;
    };
    SimClients(Nature& nature, Place place, Habits habits, std::size_t count);
    ~SimClients() override;

    /// No new tasks and jobs from now on.
    void be_quiet() { quiet_ = true; }
    /// Stops every cron job, as long as it takes.
    void stop_all_crons();
    /// Nobody waits for an answer.
    [[nodiscard]] bool is_idle() const noexcept { return busy_ == 0; }

private:
    struct Cron {
        Machine* agent;
        std::string id;
        std::string type;
    };
    struct Said {
        bool flag = false;
        std::string error_info;
        json::object fields;
    };
    using Answer = std::optional<Said>; ///< Nothing: no answer, who knows why.

    [[nodiscard]] asio::awaitable<void> live();
    [[nodiscard]] asio::awaitable<void> ask_something();
    [[nodiscard]] asio::awaitable<void> send(bool sync);
    [[nodiscard]] asio::awaitable<void> cancel();
    [[nodiscard]] asio::awaitable<void> look();
    [[nodiscard]] asio::awaitable<void> change_crons();
    [[nodiscard]] asio::awaitable<void> set_cron(Cron const* old);
    [[nodiscard]] asio::awaitable<void> stop_crons();
    /// On a link of its own, or one that it has.
    [[nodiscard]] asio::awaitable<Answer> call(
        std::string service, std::string method, json::object fields, std::chrono::milliseconds limit);
    void hear_send(json::object const& ins, std::string const& agent, bool sync, Said const& back);
    [[nodiscard]] json::object instruction(bool sync);

    Place place_;
    Habits habits_;
    std::shared_ptr<Link> link_;
    std::vector<TaskId> tasks_;
    std::vector<Cron> crons_;
    std::vector<std::string> dedups_;
    int asked_ = 0;
    int busy_ = 0;
    bool quiet_ = false;
};

} // namespace elves::sim
