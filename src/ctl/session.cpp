#include "ctl/session.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <unistd.h>
#include <utility>

#include "ctl/outcome.hpp"
#include "ctl/page_guard.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

/// Rows of one page; the most that a server gives.
constexpr std::size_t page_rows = 1000;
/// A task may take a day, and so may its call: meanwhile, is the server still there?
constexpr std::chrono::seconds watch_every{15};
/// Bytes of a reply: whatever the server is set to send, we read.
constexpr std::size_t max_reply = std::size_t(256) * 1024 * 1024;

json::array* array_in(json::object& reply)
{
    for (auto& field : reply) {
        if (field.value().is_array()) return &field.value().get_array();
    }
    return nullptr;
}

/// Runs the loop until `work` has ended. Not `run`: the link always waits for the next frame.
template <class T>
T finish(asio::io_context& loop, asio::awaitable<T> work)
{
    std::optional<T> value;
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown, T given) {
        failure = thrown;
        value = std::move(given);
        done = true;
    });
    loop.restart();
    while (!done) loop.run_one();
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
}

} // namespace

Session::Session(Destination server, std::optional<Credentials> credentials,
    std::shared_ptr<TlsContext const> tls, Limits limits, ShowsSecrets shows)
    : server_(std::move(server))
    , credentials_(std::move(credentials))
    , limits_(limits)
    , shows_(std::move(shows))
{
    shared_.limits.max_frame = max_reply;
    // Over a Unix socket nobody is in between, and the kernel says who listens.
    if (server_.socket.empty()) shared_.tls = std::move(tls);
}

Session::~Session()
{
    if (!link_) return;
    link_->close("done");
    loop_.restart();
    loop_.poll(); // what is written leaves
}

void Session::connect()
{
    if (link_) return;
    dial_server();
    if (credentials_) require_may_show({});
}

void Session::dial_server()
{
    if (!server_.socket.empty()) {
        auto found = finish(loop_, dial_local(server_.socket, shared_));
        link_ = std::move(found.link);
        unproven_ = shows_.to.fault_of_socket(server_.socket, found.server);
        return;
    }
    auto const port = server_.place.port;
    auto const before = shared_.tls ? std::vector<TcpListener>() : tcp_listeners(port);
    try {
        link_ = finish(loop_, dial(server_.place, limits_.connect, shared_));
    } catch (Error const& error) {
        std::string_view const text = error.what();
        if (!text.starts_with("nobody answers")) throw;
        throw Error(
            error.code(), std::string(text) + "; is elvesd running there? --server names another place");
    }
    if (shared_.tls || shows_.also_unproven) return;
    if (link_->ip().is_loopback()) {
        unproven_ = shows_.to.fault_of_loopback(link_->ip(), port, before);
        if (unproven_) *unproven_ += "; use the server's Unix socket, or give its user: --server-user NAME";
    } else {
        unproven_ =
            "anybody in between can read what travels in plain text; give --tls-ca or --tls-pin, or --plain "
            "(ELVES_PLAIN=1) to send it all the same";
    }
}

/// `fields` are a call's own, beside the key that goes along.
void Session::require_may_show(json::object const& fields) const
{
    if (!unproven_) return;
    bool const has_secret =
        credentials_ || fields.contains("auth") || fields.contains("token") || fields.contains("join_token");
    if (!has_secret) return;
    auto const why = "key and token are not sent to " + server_.text() + ": " + *unproven_;
    bool const is_here = !server_.socket.empty() || link_->ip().is_loopback();
    if (is_here) throw std::runtime_error(why);
    throw Usage(why);
}

/// A server takes no large frame on a connection on which no key was shown.
asio::awaitable<void> Session::log_in_for(json::object const& fields, Limit limit)
{
    constexpr std::size_t small_frame = 8 * 1024;
    if (!credentials_ || is_logged_in_ || json::serialize(fields).size() <= small_frame) co_return;
    is_logged_in_ = true;
    json::object const login{{"key", credentials_->key}, {"token", credentials_->token}};
    static_cast<void>(
        co_await link_->call("supervisor", "login", login, limit)); // a wrong key shows in the call itself
}

asio::awaitable<Answer> Session::ask(
    std::string service, std::string method, json::object fields, Limit limit)
{
    if (credentials_ && !fields.contains("auth")) {
        fields["auth"] = json::object{{"key", credentials_->key}, {"token", credentials_->token}};
    }
    require_may_show(fields);
    co_await log_in_for(fields, limit);
    auto const back = co_await link_->call(std::move(service), std::move(method), std::move(fields), limit);
    Answer answer{back.flag, back.error_info, to_boost_json(back.fields.root()).as_object()};
    if (auto* const mqid = answer.fields.find("mqid"); mqid != answer.fields.end())
        answer.fields.stable_erase(mqid); // the connection's own business
    co_return answer;
}

json::object Session::call(std::string_view service, std::string_view method, json::object fields)
{
    connect();
    auto back =
        finish(loop_, ask(std::string(service), std::string(method), std::move(fields), limits_.answer));
    if (!back.flag) throw Refused(back.error_info, std::move(back.fields));
    return std::move(back.fields);
}

json::object Session::list(
    std::string_view service, std::string_view method, json::object fields, std::size_t most)
{
    fields["limit"] = std::min(page_rows, most);
    auto all = call(service, method, fields);
    auto* const rows = array_in(all);
    PageGuard guard;
    auto last_rows = rows ? rows->size() : 0;
    while (rows && rows->size() < most) {
        auto const* const next = all.if_contains("next");
        if (!next) break;
        guard.advance(plain(*next), last_rows);
        fields["after"] = *next;
        fields["limit"] = std::min(page_rows, most - rows->size());
        auto const page = call(service, method, fields);
        auto const& more = rows_of(page);
        last_rows = more.size();
        rows->insert(rows->end(), more.begin(), more.end());
        if (auto const* const further = page.if_contains("next")) {
            all["next"] = *further;
        } else {
            all["next"] = nullptr;
            break;
        }
    }
    if (auto const* const next = all.if_contains("next"); next && next->is_null()) all.erase("next");
    return all;
}

void Session::each(std::size_t count, std::size_t parallel, Each const& work, OnInterrupt const& on_interrupt)
{
    std::size_t next = 0;
    std::size_t running = 0;
    std::exception_ptr failure;
    auto const worker = [&]() -> asio::awaitable<void> {
        while (next < count && !failure && !interrupted_) co_await work(next++);
    };
    for (std::size_t i = 0; i < std::min(count, parallel); ++i) {
        ++running;
        asio::co_spawn(loop_, worker, [&](std::exception_ptr thrown) {
            if (thrown && !failure) failure = thrown;
            --running;
        });
    }
    asio::signal_set signals(loop_, SIGINT);
    std::function<void()> const await_signal = [&] {
        signals.async_wait([&](boost::system::error_code stopped, int) {
            if (stopped) return;
            bool const is_first = !std::exchange(interrupted_, true);
            if (!is_first || !on_interrupt) return link_->close("interrupted");
            ++running;
            asio::co_spawn(loop_, on_interrupt, [&](std::exception_ptr) {
                --running;
                link_->close("interrupted");
            });
            await_signal();
        });
    };
    await_signal();
    watch();
    loop_.restart();
    while (running > 0) loop_.run_one();
    watch_.stop();
    if (failure) std::rethrow_exception(failure);
}

std::string Session::asked_by() const
{
    if (credentials_) return credentials_->key;
    return server_.socket.empty() ? "" : "unix:uid=" + std::to_string(::getuid());
}

void Session::watch()
{
    watch_ = clock_.after(watch_every, [this] {
        auto const then = [this](std::exception_ptr silent, Answer const&) {
            if (!watch_.running()) return; // the work has ended meanwhile, perhaps the session too
            if (silent) return link_->close("the server does not answer");
            watch();
        };
        asio::co_spawn(loop_, ask("elves", "ping", {}, limits_.answer), then);
    });
}

asio::awaitable<void> Session::pause(Limit time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

json::array const& rows_of(json::object const& reply)
{
    static json::array const none;
    for (auto const& field : reply) {
        if (field.value().is_array()) return field.value().get_array();
    }
    return none;
}

} // namespace elves::ctl
