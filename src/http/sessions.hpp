#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "elves/caller.hpp"
#include "elves/clock.hpp"
#include "elves/peer.hpp"

namespace elves::http {

/// As whom a browser asks.
struct Grant {
    BoundKey key{};                     ///< A key that has been proven.
    std::shared_ptr<Key const> local{}; ///< In place of a key: who needs none, or came over the Unix socket.
    bool needs_keyless = false;         ///< `local` counts only while somebody is admitted without a key.
};

/// The console's sessions and the codes that begin one, both in memory alone: a restart ends them. Whoever
/// reads this memory finds hashes. On the loop's thread.
class Sessions {
public:
    static constexpr std::chrono::minutes idle_limit{30};
    static constexpr std::chrono::hours whole_limit{12};
    static constexpr std::chrono::seconds code_limit{60};
    static constexpr std::size_t most = 1'000;     ///< Sessions; beyond, the one that was idle longest ends.
    static constexpr std::size_t most_codes = 100; ///< Codes; beyond, the oldest counts no longer.

    explicit Sessions(Clock& clock) : clock_(clock) {}

    struct Session {
        Grant grant;
        Clock::Steady begun;
        Clock::Steady used;
    };
    /// Begins one; the secret that its cookie holds, 256 random bits.
    [[nodiscard]] std::string begin(Grant grant);
    /// Null: there is none, or it is over. Counts as a use. Valid until the next call of anything here.
    [[nodiscard]] Session const* find(std::string_view secret);
    /// The same, and counts as none: for what a page that is left open does by itself.
    [[nodiscard]] Session const* look_at(std::string_view secret);
    void end(std::string_view secret);
    [[nodiscard]] std::size_t count() const noexcept { return sessions_.size(); }

    /// A code that begins one session, once, within a minute.
    [[nodiscard]] std::string new_code(Grant grant);
    /// Nothing where the code is none, was used, or is too old.
    [[nodiscard]] std::optional<Grant> redeem(std::string_view code);

private:
    struct Code {
        Grant grant;
        Clock::Steady made;
    };
    [[nodiscard]] Session* valid(std::string_view secret);
    void drop_old();
    [[nodiscard]] bool is_over(Session const& session) const;

    Clock& clock_;
    std::unordered_map<std::string, Session> sessions_; ///< By the SHA-256 of their secrets.
    std::unordered_map<std::string, Code> codes_;       ///< Likewise.
};

} // namespace elves::http
