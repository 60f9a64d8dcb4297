#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

#include "catch.hpp"
#include "client/dial.hpp"
#include "ctl/certificates.hpp"
#include "elves/caller.hpp"
#include "elves/error.hpp"
#include "manual_clock.hpp"
#include "rpc/tls_context.hpp"
#include "rpc/tls_pipe.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using ctl::CertificateFor;

namespace {

/// A server's door for TLS, with the certificates for it and for an agent, and the first who comes in.
struct Doorway {
    TempFolder files;
    std::string folder = files.file("tls");
    asio::io_context loop;
    ManualClock clock;
    LinkShared here{clock};
    LinkShared there{clock};
    asio::basic_socket_acceptor<tcp, LoopExecutor> door{
        loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    tcp::endpoint remote;
    std::shared_ptr<Link> accepted;

    Doorway()
    {
        ctl::make_ca(folder, std::chrono::days(2));
        static_cast<void>(ctl::make_certificate(
            folder, "server", {"127.0.0.1"}, CertificateFor::server, std::chrono::days(2)));
        static_cast<void>(ctl::make_certificate(
            folder, "agent", {"10.0.0.7"}, CertificateFor::agent, std::chrono::days(2)));
        here.tls = for_server();
        there.tls = TlsContext::for_client({file("ca"), {}}, {file("agent"), file("agent-key")});
        door.async_accept(remote, [this](boost::system::error_code const&, Link::Socket socket) {
            accepted = std::make_shared<Link>(std::move(socket), remote, here);
            accepted->start();
        });
    }
    [[nodiscard]] std::string file(std::string const& name) const { return folder + "/" + name + ".pem"; }
    [[nodiscard]] std::shared_ptr<TlsContext const> for_server() const
    {
        return TlsContext::for_server({file("server"), file("server-key")}, file("ca"));
    }
    template <class Done>
    void turn_until(Done done)
    {
        for (int turn = 0; turn < 5'000 && !done(); ++turn) {
            loop.restart();
            loop.run_one_for(1ms);
        }
        REQUIRE(done());
    }
    void leave(Link& dialed)
    {
        dialed.close("the test is over");
        clock.advance(10s);
        loop.restart();
        loop.poll();
    }
};

void say(TlsPipe& pipe, tcp::socket& wire)
{
    std::string bytes;
    pipe.to_wire(bytes);
    asio::write(wire, asio::buffer(bytes));
}

void hear(TlsPipe& pipe, tcp::socket& wire)
{
    std::string bytes(wire.available(), '\0');
    bytes.resize(wire.read_some(asio::buffer(bytes)));
    std::string text;
    pipe.receive(bytes, text);
}

} // namespace

TEST_CASE("a connection that stands by a certificate ends with it", "[link][tls]")
{
    Doorway way;
    std::shared_ptr<Link> dialed;
    HostPort to{"127.0.0.1", way.door.local_endpoint().port()};
    asio::co_spawn(way.loop, dial(std::move(to), 10s, way.there),
        [&](std::exception_ptr const&, std::shared_ptr<Link> link) { dialed = std::move(link); });
    way.turn_until([&] { return dialed && way.accepted && way.accepted->certified(); });
    auto const until = way.accepted->certified()->expires.value();

    way.clock.advance(until - way.clock.now() - 1s);
    CHECK(way.accepted->is_open());
    way.clock.advance(1s);
    CHECK_FALSE(way.accepted->is_open());
    way.leave(*dialed);
}

namespace {

/// The OpenSSL object of the connection that shook hands last.
SSL* last_handshake = nullptr;

void note_handshake(SSL const* ssl, int, int) { last_handshake = const_cast<SSL*>(ssl); }

} // namespace

TEST_CASE("a connection whose TLS can send nothing more ends with the send that fails", "[link][tls]")
{
    Doorway way;
    SSL_CTX_set_info_callback(way.here.tls->native(), &note_handshake);
    std::shared_ptr<Link> dialed;
    HostPort to{"127.0.0.1", way.door.local_endpoint().port()};
    asio::co_spawn(way.loop, dial(std::move(to), 10s, way.there),
        [&](std::exception_ptr const&, std::shared_ptr<Link> link) { dialed = std::move(link); });
    way.turn_until([&] { return dialed && way.accepted && way.accepted->certified(); });
    REQUIRE(last_handshake != nullptr);

    SSL_set_shutdown(last_handshake, SSL_SENT_SHUTDOWN); // OpenSSL refuses the next write
    std::exception_ptr failure;
    auto work = [](std::shared_ptr<Link> link) -> asio::awaitable<void> {
        json::object const fields;
        static_cast<void>(co_await link->call("test", "now", fields, 1h));
    };
    asio::co_spawn(way.loop, work(way.accepted), [&](std::exception_ptr const& ended) { failure = ended; });
    way.turn_until([&] { return failure != nullptr; });
    CHECK_FALSE(way.accepted->is_open());
    try {
        std::rethrow_exception(failure);
    } catch (Error const& error) {
        CHECK(error.code().text == "410.1");
        CHECK(std::string(error.what()).find("TLS") != std::string::npos);
    }
    way.leave(*dialed);
}

TEST_CASE("a handshake under way is judged by what it began with, whatever [tls] says by then", "[link][tls]")
{
    Doorway way;
    std::weak_ptr<TlsContext const> const begun_with = way.here.tls;
    tcp::socket wire(way.loop);
    wire.connect(way.door.local_endpoint());
    TlsPipe agent(way.there.tls, "127.0.0.1");
    say(agent, wire);
    way.turn_until([&] { return wire.available() > 0; });
    hear(agent, wire);

    way.here.tls = GENERATE(true, false) ? way.for_server() : nullptr;
    CHECK_FALSE(begun_with.expired());
    say(agent, wire);
    way.turn_until([&] { return way.accepted->certified() != nullptr; });
    CHECK(way.accepted->is_open());

    wire.close();
    way.turn_until([&] { return !way.accepted->is_open(); });
    way.accepted.reset();
    way.clock.advance(10s);
    way.loop.restart();
    way.loop.poll();
    CHECK(begun_with.expired());
}
