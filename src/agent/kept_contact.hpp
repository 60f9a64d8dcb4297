#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/journal.hpp"
#include "agent/server_contact.hpp"
#include "elves/asio.hpp"

namespace elves::agent {

/// The agent's ServerContact, kept in the journal: a restart changes nothing. On the loop's thread; `journal`
/// outlives it.
class KeptContact {
public:
    KeptContact(LoopExecutor loop, Clock& clock, Journal& journal, std::chrono::seconds without_server);

    /// Called whenever hold() may have another answer, but for the passing of time. Before `start`.
    void on_change(std::function<void()> then) { on_change_ = std::move(then); }
    /// Reads it from the journal. A journal without it counts from now on. Before the loop runs.
    void start();

    /// As those of ServerContact.
    void hear();
    void lose(std::chrono::milliseconds ago);
    void refuse(std::string why);
    [[nodiscard]] std::optional<ServerContact::Hold> hold() const { return contact_.hold(); }
    /// Why a server refuses this agent; "": none does.
    [[nodiscard]] std::string const& refused() const { return contact_.known().refused; }

private:
    void write();
    void changed();

    LoopExecutor loop_;
    Clock& clock_;
    Journal& journal_;
    ServerContact contact_;
    std::chrono::milliseconds step_; ///< The journal has the time of the last contact as exactly as that.
    std::optional<Clock::Steady> written_;
    std::function<void()> on_change_;
};

} // namespace elves::agent
