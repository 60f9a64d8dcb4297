#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "agent/journal.hpp"
#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/ip.hpp"
#include "elves/one_shot.hpp"

namespace elves::agent {

/// Binds a journal to one machine and one address: what is in it runs, and is reported, there only. A copy on
/// another machine, or under another address, does nothing. Once a server has registered this machine, the
/// journal is emptied and becomes this machine's. On the loop's thread.
class JournalClaim {
public:
    /// This machine.
    struct Here {
        std::string machine;                        ///< See machine_mark(); "": not known, and not compared.
        std::optional<Ip> address;                  ///< `[agent] ip`; nothing: the address of its link.
        std::function<bool(Ip const&)> has_address; ///< Is it an address of a network interface now?
        std::string file;                           ///< The journal's, for the log.
    };
    enum class State {
        waiting, ///< It is of an address that this machine does not have at the moment.
        foreign,
        ours
    };

    JournalClaim(LoopExecutor loop, Clock& clock, Journal& journal, Here here);

    /// What a journal of that owner would be on this machine.
    [[nodiscard]] static State compare(Owner const& owner, Here const& here);

    /// `start` is called once the journal is this machine's: at once where it is now. `is_emptied`: what was
    /// loaded of it no longer counts. `owner`: as loaded; nothing: it is new, and is bound.
    void open(std::optional<Owner> owner, std::function<void(bool is_emptied)> start);
    /// A server has registered this machine under that address: from now on the journal is of both. Throws
    /// Error 507.1 where that can't be written. `server_now`: since when an emptied journal is complete.
    [[nodiscard]] asio::awaitable<void> claim(Ip address, std::optional<Instant> server_now);
    /// Returns once the journal is ours. Throws Error 507.1 where it isn't within some seconds.
    [[nodiscard]] asio::awaitable<void> wait_until_ours();

    /// It is this machine's and of that address: there is nothing to claim.
    [[nodiscard]] bool is_of(Ip const& address) const;
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool is_ours() const noexcept { return state_ == State::ours; }

private:
    void log_foreign() const;
    void watch_addresses();
    void become_ours(bool is_emptied);

    LoopExecutor loop_;
    Clock& clock_;
    Journal& journal_;
    Here here_;
    Owner owner_; ///< On disk.
    State state_ = State::foreign;
    std::function<void(bool)> start_;
    std::deque<OneShot<bool>> waiters_;
    Timer watching_;
};

/// Tells this machine from others: a hash of its machine id. "" where it has none.
[[nodiscard]] std::string machine_mark();

/// Whether a network interface of this machine has that address now.
[[nodiscard]] bool is_own_address(Ip const& ip);

} // namespace elves::agent
