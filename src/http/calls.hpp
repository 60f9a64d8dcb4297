#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "core/json_reader.hpp"
#include "elves/asio.hpp"
#include "http/credentials.hpp"
#include "http/http_message.hpp"
#include "http/http_peer.hpp"
#include "http/sessions.hpp"
#include "rpc/back.hpp"

namespace elves {
class Gate;
struct Key;
class Router;
} // namespace elves

namespace elves::http {

/// Who sends a request, as far as its head says; whether the key counts, the router finds out.
struct Asker {
    std::optional<Credentials> shown{}; ///< Of `Authorization`.
    std::optional<Grant> session{};
    std::string secret{}; ///< Of the session's cookie.
};

/// Calls methods for requests: through the router of the RPC port, so that fields, rights, limits and audit
/// are the same. On the loop's thread; what it is given outlives it.
class Calls {
public:
    Calls(Router const& router, Gate const& gate, Sessions& sessions, Clock& clock)
        : router_(router), gate_(gate), sessions_(sessions), clock_(clock)
    {
    }

    /// By `Authorization`, or else by the console's cookie. The refusal where it is neither; where the cookie
    /// counts, but not the header `X-Elves` that no page of another site can send, too.
    [[nodiscard]] std::variant<Asker, Reply> asker_of(Request const& request);
    /// Whether who has opened a stream by `request` may still listen. Keeps no session alive.
    [[nodiscard]] bool still_counts(Request const& request);
    /// The key of a session as it is now; null where it counts no longer.
    [[nodiscard]] std::shared_ptr<Key const> key_of(Asker const& asker, Request const& request) const;
    /// Whether the key or session of a request counts now: judged by its head alone, nothing is noted of it.
    [[nodiscard]] bool is_known(Request const& head);

    /// `fields`: the JSON object of the call's fields; "" for none. Never throws.
    [[nodiscard]] asio::awaitable<Outcome> run(Asker asker, std::shared_ptr<HttpPeer> peer,
        std::string service, std::string method, std::string fields);
    [[nodiscard]] std::shared_ptr<HttpPeer> peer_of(Request const& request) const
    {
        return std::make_shared<HttpPeer>(request, clock_.steady());
    }
    /// Nothing where that asker may call the method; its refusal otherwise. For what is no method, but needs
    /// the right to one.
    [[nodiscard]] asio::awaitable<std::optional<Reply>> refusal_for(
        Request const& request, std::string service, std::string method);

private:
    Router const& router_;
    Gate const& gate_;
    Sessions& sessions_;
    Clock& clock_;
    JsonReader json_;
};

/// The name of the cookie: under TLS browsers take it from no other host or path, and send it nowhere else.
[[nodiscard]] std::string_view session_cookie(bool is_tls) noexcept;

/// The reply for what a call came to.
[[nodiscard]] Reply reply_of(Outcome const& outcome);

} // namespace elves::http
