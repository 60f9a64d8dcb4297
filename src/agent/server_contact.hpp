#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "elves/clock.hpp"

namespace elves::agent {

/// What an agent knows of its standing with its server. Kept in the journal.
struct Contact {
    Instant heard{};     ///< When a server last had this agent registered; this machine's clock.
    std::string refused; ///< Why a server has refused this agent since then; "": none has.
};

/// Decides whether this agent may fire cron jobs of its own: not once a server has refused it, and not when
/// none has been heard for `[cron] without_server`. Only servers count that the agent has let itself be
/// served by: dialed as its settings ask for. On the loop's thread.
class ServerContact {
public:
    /// Why no job may fire.
    struct Hold {
        std::string_view absence; ///< What the agent was doing meanwhile, for records: "was shut out".
        std::string why;          ///< For the log.
        friend bool operator==(Hold const&, Hold const&) = default;
    };

    ServerContact(Clock& clock, std::chrono::seconds without_server);

    /// As read from the journal. A time to come counts as now: the clock was set back.
    void set(Contact known);
    /// A server has registered this agent, or still answers it.
    void hear();
    /// The link ended at a time when the server was last heard `ago`.
    void lose(std::chrono::milliseconds ago);
    /// A server has refused this agent: its key, or this agent with that key.
    void refuse(std::string why);

    /// Nothing: jobs may fire. A registered link counts as contact, however quiet it is.
    [[nodiscard]] std::optional<Hold> hold() const;
    [[nodiscard]] Contact const& known() const noexcept { return known_; }

private:
    Clock& clock_;
    std::chrono::seconds without_server_;
    Contact known_;
    Clock::Steady heard_{};
    bool is_linked_ = false;
};

} // namespace elves::agent
