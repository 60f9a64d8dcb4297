#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "agent/agent_settings.hpp"
#include "client/dial.hpp"
#include "elves/asio.hpp"
#include "elves/json.hpp"

namespace elves::agent {

/// What ServerLink asks of the machine that it runs on. The simulation has its own. On the loop's thread.
class LinkEnvironment {
public:
    virtual ~LinkEnvironment() = default;
    /// Connects to a server and starts the link. Throws Error 410.1 where that is not possible within
    /// `limit`, or where the server is not to be trusted.
    [[nodiscard]] virtual asio::awaitable<std::shared_ptr<Link>> dial(
        HostPort place, std::chrono::milliseconds limit, LinkShared& shared) = 0;
    /// The fields of `heartbeat.register`, `auth` left out. `starttime`: when the agent was started.
    [[nodiscard]] virtual json::object registration(Ip const& ip, std::string const& starttime) = 0;
    /// For the jitter of the pauses between two dials.
    [[nodiscard]] virtual unsigned random_seed() = 0;
};

/// The machine that this process runs on.
class ThisMachine final : public LinkEnvironment {
public:
    /// `settings` outlives it.
    explicit ThisMachine(AgentSettings const& settings) : settings_(settings) {}

    [[nodiscard]] asio::awaitable<std::shared_ptr<Link>> dial(
        HostPort place, std::chrono::milliseconds limit, LinkShared& shared) override;
    [[nodiscard]] json::object registration(Ip const& ip, std::string const& starttime) override;
    [[nodiscard]] unsigned random_seed() override { return std::random_device()(); }

private:
    AgentSettings const& settings_;
};

} // namespace elves::agent
