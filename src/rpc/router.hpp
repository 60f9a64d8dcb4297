#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "elves/method_table.hpp"
#include "rpc/audit.hpp"
#include "rpc/back.hpp"
#include "rpc/envelope.hpp"
#include "rpc/gate.hpp"

namespace elves {

class CallCounts;

/// From (mqs, mqf) to the code: finds the method, admits the caller, has the fields checked, runs it, and
/// turns whatever it throws into an Outcome. Where there is an audit trail, each call leaves its row there.
/// On the loop's thread.
class Router {
public:
    using Answer = std::variant<Outcome, asio::awaitable<Outcome>, Later<Outcome>>;

    /// `audit`: null for none.
    explicit Router(Gate const& gate, Audit* audit = nullptr) : gate_(gate), audit_(audit) {}

    /// `table` outlives the router.
    void add(std::string service, MethodTable const& table);
    /// A service that exists, but is switched off: `[402.1]`.
    void add_disabled(std::string service);

    /// Never throws. What comes later keeps nothing of `call`.
    [[nodiscard]] Answer run(
        Envelope const& envelope, JsonValue const& call, std::shared_ptr<Peer> const& peer) const;
    /// Whether the limits of strangers hold for `peer` (docs/protocol.md, Frames).
    [[nodiscard]] bool is_stranger(Peer const& peer) const;
    /// Counts every call from now on; `counts` outlives this.
    void count_in(CallCounts& counts) noexcept { counts_ = &counts; }
    /// From now on every call is answered `[503.1]`.
    void shut() { shut_ = true; }

    [[nodiscard]] std::map<std::string, MethodTable const*, std::less<>> const& services() const
    {
        return services_;
    }

private:
    struct Found {
        std::string_view service;
        Method const* method = nullptr;
    };
    [[nodiscard]] std::variant<Found, Error> find(Envelope const& envelope, JsonValue const& call) const;
    [[nodiscard]] Answer run_method(
        Found const& found, JsonValue const& call, std::shared_ptr<Peer> const& peer) const;
    void count(Found const& found, std::string_view code) const;
    [[nodiscard]] std::shared_ptr<AuditRow> row_of(
        Found const& found, JsonValue const& call, Caller const& caller, bool is_authorized) const;

    Gate const& gate_;
    Audit* audit_;
    CallCounts* counts_ = nullptr; ///< Null: nobody reads them.
    /// Null: disabled.
    std::map<std::string, MethodTable const*, std::less<>> services_;
    bool shut_ = false;
};

/// What an answer comes to, for a coroutine.
[[nodiscard]] asio::awaitable<Outcome> outcome_of(Router::Answer answer);

} // namespace elves
