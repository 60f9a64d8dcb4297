#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/dial.hpp"
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

/// The one connection to the server, made at the first call. Everything that goes over the network goes
/// through here.
class Session {
public:
    using Limit = std::chrono::milliseconds;
    /// The work for the thing number `index` of many.
    using Each = std::function<asio::awaitable<void>(std::size_t index)>;

    /// `limit` is for the connection, and for each call that brings no limit of its own.
    /// `tls`: null for plain text.
    Session(HostPort server, std::optional<Credentials> credentials, std::shared_ptr<TlsContext const> tls,
        Limit limit);
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

    /// Connects, so that what follows can tell "not reachable" from "did not answer".
    void connect();
    /// Does the work for each index below `count`, `parallel` at a time; returns when all of it has ended.
    /// Throws what the first of it threw that failed. SIGINT, or a server that no longer answers a ping, ends
    /// the connection, and so each call that waits.
    void each(std::size_t count, std::size_t parallel, Each const& work);
    /// Within `each`: a refusal is a value, silence an Error.
    [[nodiscard]] asio::awaitable<Answer> ask(
        std::string service, std::string method, json::object fields, Limit limit);
    /// Within `each`.
    [[nodiscard]] asio::awaitable<void> pause(Limit time);
    [[nodiscard]] Limit limit() const noexcept { return limit_; }
    /// SIGINT has ended an `each`.
    [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

private:
    void watch();

    HostPort server_;
    std::optional<Credentials> credentials_;
    Limit limit_;
    asio::io_context loop_{1};
    AsioClock clock_{loop_.get_executor()};
    LinkShared shared_{clock_};
    std::shared_ptr<Link> link_;
    Timer watch_;
    bool interrupted_ = false;
};

/// The first array among the fields of a reply: what a listing method lists. Empty without one.
[[nodiscard]] json::array const& rows_of(json::object const& reply);

} // namespace elves::ctl
