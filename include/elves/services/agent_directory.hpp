#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/json.hpp"
#include "elves/zone.hpp"

namespace elves {

/// What one agent said of its machine when it last registered. Its texts are heartbeat's: valid until the
/// next co_await.
struct AgentView {
    Ip ip;
    std::string_view asset;
    std::string_view os; ///< Lower case, Windows as `win`.
    std::string_view version;
    json::object const* apps = nullptr;  ///< Name to version, a string that may be empty.
    json::object const* facts = nullptr; ///< Key to value, a string.
    bool online = false;
    Instant last_heard{};
    bool has_registered = false; ///< Since this server started: what does not hang on a clock.
};

/// Every agent that was ever seen. Offered by heartbeat. From memory; on the loop's thread.
class AgentDirectory {
public:
    static constexpr std::string_view service_name = "AgentDirectory (heartbeat)";
    virtual ~AgentDirectory() = default;

    [[nodiscard]] virtual std::optional<AgentView> agent(Ip const& ip) const = 0;
    /// The next ones behind that address, in their order: `most`, or all that are left.
    [[nodiscard]] virtual std::vector<AgentView> agents_behind(
        std::optional<Ip> const& place, std::size_t most) const = 0;
    /// The agent as `listagents` shows it; an agent that was never seen has the status `unknown`, and nothing
    /// else.
    [[nodiscard]] virtual json::object listed(Ip const& ip) const = 0;
    /// Another number whenever an agent has come or gone. An agent that fell silent has gone when its
    /// connection is closed for that, or somebody was told so before.
    [[nodiscard]] virtual std::uint64_t version() const { return 0; }
    /// An agent that is silent for so long is offline.
    [[nodiscard]] virtual std::chrono::seconds offline_after() const = 0;
};

} // namespace elves
