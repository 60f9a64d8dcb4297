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

class Db;

/// What a module holds of one machine, and how the module forgets it.
struct Belongings {
    json::object shown;              ///< Fields for the reply of `forgetagents`, such as `cron_jobs`.
    bool is_any = false;             ///< There is something.
    std::function<void(Db&)> erase;  ///< A part of the transaction that forgets the machine; may be empty.
    std::function<void()> on_erased; ///< On the loop, once that is on disk; may be empty.
};

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
    /// Ends the links of agents that registered with that key ("": without one): what it may do has changed,
    /// or it is gone. They are offline at once and closed within half a second; an agent that may still come
    /// registers again. `why` goes to the log: "was deleted".
    virtual void cut_links_of(std::string_view key, std::string_view why) = 0;
    /// Calls `then` after each `register`, once its reply is on its way.
    virtual void on_link(std::function<void(Ip const&)> then) = 0;
    /// Adds fields to each reply to `register`: what agents have to know of the server's limits.
    virtual void on_register(std::function<void(json::object&)> add_fields)
    {
        static_cast<void>(std::move(add_fields));
    }
    /// Adds to what `forgetagents` takes: `part` says what there is of a machine. Before the loop runs.
    virtual void on_forget(std::function<Belongings(Ip const&)> part) { static_cast<void>(std::move(part)); }
    /// Who answers for `getinfobyip`'s `cronlist`.
    virtual void crons_from(CronSource source) = 0;
};

} // namespace elves
