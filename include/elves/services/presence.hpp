#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "elves/caller.hpp"
#include "elves/ip.hpp"
#include "elves/json.hpp"
#include "elves/peer.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// Who is there. Offered by heartbeat. On the loop's thread.
class Presence {
public:
    static constexpr std::string_view service_name = "Presence (heartbeat)";
    virtual ~Presence() = default;

    /// The cron jobs of an agent, as far as the caller may see them.
    using CronSource = std::function<std::vector<TaskId>(Ip const&, Caller const&)>;

    /// The link of an agent that is online; null where it is not.
    [[nodiscard]] virtual std::shared_ptr<Peer> link(Ip const& agent) const = 0;
    /// The key, or `certificate:NAME`, that an agent which is online registered with; "" where it needed none
    /// or is not.
    [[nodiscard]] virtual std::string online_by(Ip const& agent) const = 0;
    /// The agent whose link this connection is.
    [[nodiscard]] virtual std::optional<Ip> agent_of(Peer const& peer) const = 0;
    /// Ends the links of agents that registered with that key: what it may do has changed, or it is gone.
    /// They are offline at once and closed a moment later; one that may still come registers anew.
    virtual void cut_links_of(std::string_view key) = 0;
    /// Calls `then` after each `register`, once its reply is on its way.
    virtual void on_link(std::function<void(Ip const&)> then) = 0;
    /// Adds fields to each reply to `register`: what agents have to know of the server's limits.
    virtual void on_register(std::function<void(json::object&)> add_fields)
    {
        static_cast<void>(std::move(add_fields));
    }
    /// Who answers for `getinfobyip`'s `cronlist`.
    virtual void crons_from(CronSource source) = 0;
};

} // namespace elves
