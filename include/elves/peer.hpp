#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/ip.hpp"
#include "elves/json_document.hpp"

namespace elves {

struct Key;

/// By which key a connection speaks, and which of its tokens has proven that.
struct BoundKey {
    std::string key;        ///< "" for none.
    std::string token_hash; ///< SHA-256 in hex.
};

/// What came back on a call: the other side's `flag`, `error_info`, and all fields of its reply.
struct Back {
    bool flag = false;
    std::string error_info;
    JsonDocument fields;
};

/// The other end of a connection. On the loop's thread; held by shared_ptr, usable (calls fail) after it is
/// closed.
class Peer {
public:
    virtual ~Peer() = default;

    /// Sends a call: what it is given is needed no more when it returns. What it returns waits for the
    /// `back`, and has to be awaited at once. Throws Error 410.2 when `limit` is over first, 410.1 when the
    /// connection closes or is closed.
    [[nodiscard]] virtual asio::awaitable<Back> call(std::string_view service, std::string_view method,
        json::object const& fields, std::chrono::milliseconds limit) = 0;
    /// Is called once: with the `back`, or with the Error in its place.
    using OnBack = asio::any_completion_handler<void(std::exception_ptr failure, Back back)>;
    /// The same without a coroutine. `members`: those of the call's fields as JSON text, `"id":"1","n":2`.
    /// `then` is called from within whatever ends the wait, but never before this returns.
    virtual void call(std::string_view service, std::string_view method, std::string_view members,
        std::chrono::milliseconds limit, OnBack then) = 0;
    /// Sends a cast; lost without a word where the connection is closed.
    virtual void cast(std::string_view service, std::string_view method, json::object const& fields) = 0;

    /// Closes the connection once what is queued is written; `why` goes to the log.
    virtual void close(std::string_view why) = 0;
    [[nodiscard]] virtual bool is_open() const noexcept = 0;
    /// Calls `then` once, when the connection has closed (soon, when it has already).
    virtual void on_close(std::function<void()> then) = 0;

    /// When the last bytes came from it.
    [[nodiscard]] virtual Clock::Steady last_heard() const noexcept = 0;
    /// No idle limit for this one: whoever says so watches `last_heard` itself.
    virtual void keep_when_idle() = 0;

    /// 0.0.0.0 for a Unix socket.
    [[nodiscard]] virtual Ip ip() const = 0;
    /// `10.0.0.1:50123`, or `unix:uid=0` for a Unix socket; for the log.
    [[nodiscard]] virtual std::string const& address() const noexcept = 0;

    /// What `supervisor.login` bound this connection to.
    [[nodiscard]] virtual BoundKey const& bound_key() const noexcept = 0;
    virtual void bind_key(BoundKey key) = 0;
    /// A key was proven on this connection: the limits of strangers no longer hold for it (docs/protocol.md,
    /// Frames).
    virtual void grant_authority() noexcept {}
    /// What its TLS certificate, or the credentials of its Unix socket, stand for in place of a key; null for
    /// none.
    [[nodiscard]] virtual std::shared_ptr<Key const> certified() const { return nullptr; }
};

} // namespace elves
