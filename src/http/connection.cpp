#include "http/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/lower_case.hpp"
#include "http/client_presence.hpp"
#include "http/http_port.hpp"
#include "http/stream.hpp"
#include "rpc/link.hpp"
#include "rpc/remote.hpp"
#include "rpc/tls_context.hpp"

namespace elves::http {

namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;
using PlainStream = beast::basic_stream<tcp, LoopExecutor>;
using TlsStream = boost::asio::ssl::stream<PlainStream&>;
using Parser = bhttp::request_parser<bhttp::string_body>;
template <class Body>
using Message = bhttp::response<Body>;

constexpr std::size_t first_read = 4096;
constexpr std::size_t buffer_limit = 64 * 1024;
constexpr char tls_handshake = 0x16;

/// What a request keeps in memory counts toward `[server] all_bytes`, as the frames of the RPC port do.
class Charge {
public:
    Charge(LinkShared& shared, std::size_t bytes) : shared_(shared), bytes_(bytes) { shared_.held += bytes_; }
    ~Charge() { shared_.held -= bytes_; }
    Charge(Charge const&) = delete;
    Charge& operator=(Charge const&) = delete;

private:
    LinkShared& shared_;
    std::size_t bytes_;
};

/// What the parser found wrong; nothing where the connection has just ended.
std::optional<Reply> refusal_of(error_code const& failure)
{
    if (failure == bhttp::error::header_limit)
        return refusal(431, codes::bad_frame.text, "the request's header is over 8 KiB");
    if (failure == bhttp::error::body_limit)
        return refusal(413, codes::frame_too_large.text, "the request's body is too large");
    bool const is_end = failure == bhttp::error::end_of_stream || failure == bhttp::error::partial_message;
    if (is_end || failure.category() != make_error_code(bhttp::error::bad_method).category())
        return std::nullopt;
    return refusal(400, codes::bad_frame.text, "this is no HTTP/1.1 request: " + failure.message());
}

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

Request request_of(Parser const& parser)
{
    auto const& message = parser.get();
    Request request;
    request.method = text_of(message.method_string());
    request.target = text_of(message.target());
    for (auto const& field : message)
        request.headers.emplace_back(lower_case(text_of(field.name_string())), text_of(field.value()));
    return request;
}

template <class Body>
void set_head(Message<Body>& message, Reply const& reply)
{
    message.result(static_cast<unsigned>(reply.status));
    if (!reply.content_type.empty()) message.set(bhttp::field::content_type, reply.content_type);
    message.set("X-Content-Type-Options", "nosniff");
    message.set("Referrer-Policy", "no-referrer");
    message.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    message.set(bhttp::field::cache_control, "no-store");
    for (auto const& [name, value] : reply.headers) message.set(name, value);
}

} // namespace

/// Everything that needs Beast. Each coroutine returns false where the connection is to end.
struct Connection::Parts {
    Parts(Connection& owner_, HttpPort& port_, Socket socket, Remote remote_)
        : owner(owner_)
        , port(port_)
        , shared(port_.shared())
        , remote(std::move(remote_))
        , stream(std::move(socket))
    {
    }

    [[nodiscard]] asio::awaitable<void> run();
    [[nodiscard]] asio::awaitable<void> run_tls();
    [[nodiscard]] asio::awaitable<bool> read_first();
    template <class Stream>
    [[nodiscard]] asio::awaitable<void> serve(Stream& on);
    template <class Stream>
    [[nodiscard]] asio::awaitable<bool> serve_one(Stream& on);
    template <class Stream>
    [[nodiscard]] asio::awaitable<std::optional<Reply>> read_and_answer(Stream& on, Parser& parser);
    [[nodiscard]] asio::awaitable<Reply> answer(Request request);
    template <class Stream>
    [[nodiscard]] asio::awaitable<bool> write(Stream& on, Reply reply, Parser const& parser);
    template <class Stream>
    [[nodiscard]] asio::awaitable<void> write_stream(Stream& on, Reply reply);
    [[nodiscard]] bool may_be_plain() const;
    [[nodiscard]] Limits const& limits() const { return port.limits(); }

    Connection& owner;
    HttpPort& port;
    LinkShared& shared;
    Remote remote;
    PlainStream stream;
    beast::flat_buffer buffer{buffer_limit};
    bool is_tls = false;
    std::weak_ptr<ClientPresence> client{};
    std::weak_ptr<http::Stream> streaming{};
};

namespace {

/// Looks whether the other side closes while its request is answered.
void watch(PlainStream& stream, std::shared_ptr<ClientPresence> const& client)
{
    auto& socket = stream.socket();
    socket.async_wait(tcp::socket::wait_read,
        [weak = std::weak_ptr(client), fd = socket.native_handle()](error_code const& failure) {
            auto const waiting = weak.lock();
            if (failure || !waiting) return;
            char next = 0;
            auto const size = recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
            if (size == 0 || (size < 0 && errno != EAGAIN)) waiting->set_gone();
        });
}

} // namespace

asio::awaitable<void> Connection::Parts::run()
{
    if (!co_await read_first()) co_return;
    is_tls = *static_cast<char const*>(buffer.data().data()) == tls_handshake;
    if (is_tls && !shared.tls) co_return;
    if (is_tls) {
        co_await run_tls();
        co_return;
    }
    if (may_be_plain()) {
        co_await serve(stream);
        co_return;
    }
    Parser const none;
    auto reply = refusal(400, codes::forbidden.text, "this port speaks HTTPS; ask https:// instead");
    reply.headers.emplace_back("Connection", "close");
    static_cast<void>(co_await write(stream, std::move(reply), none));
}

bool Connection::Parts::may_be_plain() const { return !shared.tls || remote.ip.is_loopback(); }

/// Its first bytes tell TLS from plain text.
asio::awaitable<bool> Connection::Parts::read_first()
{
    error_code failure;
    stream.expires_after(limits().header_time);
    auto const size = co_await stream.async_read_some(
        buffer.prepare(first_read), asio::redirect_error(asio::use_awaitable, failure));
    buffer.commit(size);
    co_return !failure && size > 0;
}

asio::awaitable<void> Connection::Parts::run_tls()
{
    auto const identity = shared.tls; // what its callbacks use lives as long as the handshake may come again
    SSL_CTX_up_ref(identity->native());
    boost::asio::ssl::context context(identity->native());
    TlsStream tls(stream, context);
    error_code failure;
    // Browsers have no certificates of agents; and what would check them is the RPC port's own.
    tls.set_verify_mode(boost::asio::ssl::verify_none, failure);
    auto const used = co_await tls.async_handshake(boost::asio::ssl::stream_base::server, buffer.data(),
        asio::redirect_error(asio::use_awaitable, failure));
    buffer.consume(used);
    auto& handshakes = shared.tls_handshakes;
    ++(failure ? handshakes.failed : handshakes.completed);
    if (failure) {
        if (shared.log.admits("http.tls_failed", remote.ip))
            ELVES_LOG(warning, "http.tls_failed peer=" << remote.address << ": " << failure.message());
        co_return;
    }
    co_await serve(tls);
    stream.expires_after(limits().header_time);
    co_await tls.async_shutdown(asio::redirect_error(asio::use_awaitable, failure));
}

template <class Stream>
asio::awaitable<void> Connection::Parts::serve(Stream& on)
{
    bool goes_on = true;
    while (goes_on) goes_on = co_await serve_one(on);
}

template <class Stream>
asio::awaitable<bool> Connection::Parts::serve_one(Stream& on)
{
    error_code failure;
    if (buffer.size() == 0) {
        stream.expires_after(limits().idle);
        auto const size = co_await on.async_read_some(
            buffer.prepare(first_read), asio::redirect_error(asio::use_awaitable, failure));
        buffer.commit(size);
        if (failure) co_return false;
    }
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits().header));
    parser.body_limit(shared.limits.max_frame);
    stream.expires_after(limits().header_time);
    co_await bhttp::async_read_header(on, buffer, parser, asio::redirect_error(asio::use_awaitable, failure));
    std::optional<Reply> reply;
    bool is_whole = false;
    if (failure) {
        reply = refusal_of(failure);
    } else {
        reply = co_await read_and_answer(on, parser);
        is_whole = parser.is_done();
    }
    if (!reply) co_return false;
    if (!is_whole) reply->headers.emplace_back("Connection", "close");
    bool const is_written = co_await write(on, std::move(*reply), parser);
    co_return is_written&& is_whole&& parser.keep_alive();
}

/// Nothing where the connection has ended before the request was whole.
template <class Stream>
asio::awaitable<std::optional<Reply>> Connection::Parts::read_and_answer(Stream& on, Parser& parser)
{
    auto request = request_of(parser);
    auto const most = std::min(port.handler().body_limit(request), shared.limits.max_frame);
    auto const length = parser.content_length();
    if (length && *length > most) co_return refusal_of(bhttp::error::body_limit);
    auto const expected = parser.is_done() ? std::size_t{0}
                          : length         ? static_cast<std::size_t>(*length)
                                           : most;
    if (shared.held + expected > shared.limits.all_bytes)
        co_return refusal(503, codes::too_much.text, "the server has too much to keep; try again later");
    Charge const charge(shared, expected);
    parser.body_limit(most);
    error_code failure;
    if (lower_case(request.header("expect")) == "100-continue") {
        constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        co_await asio::async_write(
            on, asio::buffer(go_on.data(), go_on.size()), asio::redirect_error(asio::use_awaitable, failure));
    }
    while (!failure && !parser.is_done()) {
        stream.expires_after(limits().idle);
        co_await bhttp::async_read_some(
            on, buffer, parser, asio::redirect_error(asio::use_awaitable, failure));
    }
    if (failure) co_return refusal_of(failure);
    request.body = std::move(parser.get().body());
    co_return co_await answer(std::move(request));
}

asio::awaitable<Reply> Connection::Parts::answer(Request request)
{
    request.from = remote.ip;
    request.address = remote.address;
    request.is_tls = is_tls;
    auto const presence = std::make_shared<ClientPresence>();
    request.client = presence;
    client = presence;
    stream.expires_never();
    watch(stream, presence);
    port.add_waiting(owner);
    // Who has gone is waited for no longer, and takes no place: what he asked for may take a while yet.
    presence->on_gone([weak = owner.weak_from_this()] {
        if (auto const gone = weak.lock()) gone->parts_->port.remove(*gone);
    });
    auto reply = co_await port.handler().answer(std::move(request));
    port.remove_waiting(owner);
    stream.socket().cancel();
    co_return reply;
}

template <class Stream>
asio::awaitable<bool> Connection::Parts::write(Stream& on, Reply reply, Parser const& parser)
{
    if (reply.stream) {
        co_await write_stream(on, std::move(reply));
        co_return false;
    }
    Charge const charge(shared, reply.body.size());
    bool const is_head = parser.is_header_done() && parser.get().method() == bhttp::verb::head;
    Message<bhttp::string_body> message;
    message.version(11);
    message.keep_alive(parser.is_header_done() && parser.keep_alive());
    set_head(message, reply);
    bool const has_body = reply.status != 204 && reply.status != 304;
    if (has_body) message.content_length(reply.body.size());
    if (!is_head) message.body() = std::move(reply.body);
    error_code failure;
    stream.expires_after(limits().idle);
    co_await bhttp::async_write(on, message, asio::redirect_error(asio::use_awaitable, failure));
    co_return !failure;
}

template <class Stream>
asio::awaitable<void> Connection::Parts::write_stream(Stream& on, Reply reply)
{
    auto const source = reply.stream;
    streaming = source;
    Message<bhttp::empty_body> message;
    message.version(11);
    message.keep_alive(false);
    set_head(message, reply);
    message.chunked(true);
    bhttp::response_serializer<bhttp::empty_body> head(message);
    error_code failure;
    stream.expires_after(limits().idle);
    co_await bhttp::async_write_header(on, head, asio::redirect_error(asio::use_awaitable, failure));
    while (!failure) {
        stream.expires_never();
        auto const piece = co_await source->next();
        stream.expires_after(limits().idle);
        if (!piece) {
            co_await asio::async_write(
                on, bhttp::make_chunk_last(), asio::redirect_error(asio::use_awaitable, failure));
            break;
        }
        co_await asio::async_write(
            on, bhttp::make_chunk(asio::buffer(*piece)), asio::redirect_error(asio::use_awaitable, failure));
    }
    source->stop();
}

Connection::Connection(HttpPort& port, Socket socket)
{
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    Remote remote(socket.remote_endpoint(ignored));
    parts_ = std::make_unique<Parts>(*this, port, std::move(socket), std::move(remote));
    port.add(*this);
}

Connection::~Connection() { parts_->port.remove(*this); }

/// Holds the connection for as long as its coroutine lives, also where the loop drops that.
asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self)
{
    try {
        co_await self->parts_->run();
    } catch (std::exception const& problem) {
        ELVES_LOG(
            error, "http.connection_broken peer=" << self->parts_->remote.address << ": " << problem.what());
    }
}

void Connection::start()
{
    auto work = run(shared_from_this());
    asio::co_spawn(parts_->stream.get_executor(), std::move(work), asio::detached);
}

void Connection::stop()
{
    if (auto const client = parts_->client.lock()) client->set_gone();
    if (auto const source = parts_->streaming.lock()) source->stop();
    parts_->stream.close();
}

} // namespace elves::http
