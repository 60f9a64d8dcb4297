#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/server_users.hpp"
#include "ctl/destination.hpp"
#include "elves/json.hpp"
#include "rpc/asio_clock.hpp"

namespace elves::ctl {

/// Who asks; sent along with each call.
struct Credentials {
    std::string key;
    std::string token;
};

/// A reply, in the form in which it is printed.
struct Answer {
    bool flag = false;
    std::string error_info;
    json::object fields; ///< Without `mqid`.
};

/// To which servers key and token are shown: over TLS, and to those of whom the system says that a user runs
/// them who may. Nobody else could be told from the server.
struct ShowsSecrets {
    ServerUsers to{std::nullopt};
    bool also_unproven = false; ///< Over any plain connection: `--plain`.
};

/// The one connection to the server, made at the first call. Everything that goes over the network goes
/// through here.
class Session {
public:
    using Limit = std::chrono::milliseconds;
    /// The work for the thing number `index` of many.
    using Each = std::function<asio::awaitable<void>(std::size_t index)>;

    /// What to do when SIGINT arrives; see `each`.
    using OnInterrupt = std::function<asio::awaitable<void>()>;

    /// How long the server may take; each at least a millisecond.
    struct Limits {
        Limit connect; ///< Name resolution, connecting and the TLS handshake, together.
        Limit answer;  ///< Each call that brings no limit of its own.
    };

    /// `tls`: null for plain text.
    Session(Destination server, std::optional<Credentials> credentials, std::shared_ptr<TlsContext const> tls,
        Limits limits, ShowsSecrets shows);
    ~Session();
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;

    /// The reply's fields. Throws Refused where its `flag` is not true, Error where nobody answers.
    [[nodiscard]] json::object call(
        std::string_view service, std::string_view method, json::object fields = {});
    /// All rows of a list: follows `next` until there is no more, or `most` rows are there; `next` is then
    /// in the reply.
    [[nodiscard]] json::object list(std::string_view service, std::string_view method, json::object fields,
        std::size_t most = static_cast<std::size_t>(-1));

    /// Connects, so that what follows can tell "not reachable" from "did not answer". Throws Usage or
    /// std::runtime_error where the key may not be shown there; then nothing is sent.
    void connect();
    /// Does the work for each index below `count`, `parallel` at a time; returns when all of it has ended.
    /// Throws what the first of it threw that failed. A server that no longer answers a ping ends the
    /// connection, and so each call that waits. So does SIGINT, after `on_interrupt` (which may `ask`) has
    /// ended, or at once with the second SIGINT; no further index is begun then.
    void each(
        std::size_t count, std::size_t parallel, Each const& work, OnInterrupt const& on_interrupt = {});
    /// Within `each`: a refusal is a value, silence an Error.
    [[nodiscard]] asio::awaitable<Answer> ask(
        std::string service, std::string method, json::object fields, Limit limit);
    /// Within `each`.
    [[nodiscard]] asio::awaitable<void> pause(Limit time);
    /// Where the server is dialed.
    [[nodiscard]] Destination const& server() const noexcept { return server_; }
    [[nodiscard]] Limit limit() const noexcept { return limits_.answer; }
    /// Whom task records name as the one who asked (`by`): the key, `unix:uid=UID`, or "".
    [[nodiscard]] std::string asked_by() const;
    /// SIGINT has ended an `each`.
    [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

private:
    void watch();
    [[nodiscard]] asio::awaitable<void> log_in_for(json::object const& fields, Limit limit);
    void dial_server();
    void require_may_show(json::object const& fields) const;

    Destination server_;
    std::optional<Credentials> credentials_;
    Limits limits_;
    ShowsSecrets shows_;
    std::optional<std::string> unproven_; ///< Why the server may not be shown a secret.
    asio::io_context loop_{1};
    AsioClock clock_{loop_.get_executor()};
    LinkShared shared_{clock_};
    std::shared_ptr<Link> link_;
    Timer watch_;
    bool interrupted_ = false;
    bool is_logged_in_ = false;
};

/// The first array among the fields of a reply: what a listing method lists. Empty without one.
[[nodiscard]] json::array const& rows_of(json::object const& reply);

} // namespace elves::ctl
