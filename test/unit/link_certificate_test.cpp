#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "catch.hpp"
#include "client/dial.hpp"
#include "ctl/certificates.hpp"
#include "elves/caller.hpp"
#include "manual_clock.hpp"
#include "rpc/tls_context.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using ctl::CertificateFor;

TEST_CASE("a connection that stands by a certificate ends with it", "[link][tls]")
{
    TempFolder const files;
    auto const folder = files.file("tls");
    auto const file = [&](std::string const& name) { return folder + "/" + name + ".pem"; };
    ctl::make_ca(folder, std::chrono::days(2));
    static_cast<void>(
        ctl::make_certificate(folder, "server", {"127.0.0.1"}, CertificateFor::server, std::chrono::days(2)));
    static_cast<void>(
        ctl::make_certificate(folder, "agent", {"10.0.0.7"}, CertificateFor::agent, std::chrono::days(2)));

    asio::io_context loop;
    ManualClock clock;
    LinkShared here{clock};
    here.tls = TlsContext::for_server({file("server"), file("server-key")}, file("ca"));
    LinkShared there{clock};
    there.tls = TlsContext::for_client({file("ca"), {}}, {file("agent"), file("agent-key")});
    asio::basic_socket_acceptor<tcp, LoopExecutor> door(
        loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::shared_ptr<Link> dialed;
    std::shared_ptr<Link> accepted;
    tcp::endpoint remote;
    door.async_accept(remote, [&](boost::system::error_code const&, Link::Socket socket) {
        accepted = std::make_shared<Link>(std::move(socket), remote, here);
        accepted->start();
    });
    HostPort to{"127.0.0.1", door.local_endpoint().port()};
    asio::co_spawn(loop, dial(std::move(to), 10s, there),
        [&](std::exception_ptr const&, std::shared_ptr<Link> link) { dialed = std::move(link); });
    for (int turn = 0; turn < 5'000 && !(dialed && accepted && accepted->certified()); ++turn) {
        loop.restart();
        loop.run_one_for(1ms);
    }
    REQUIRE(dialed);
    REQUIRE(accepted->certified());
    auto const until = accepted->certified()->expires.value();

    clock.advance(until - clock.now() - 1s);
    CHECK(accepted->is_open());
    clock.advance(1s);
    CHECK_FALSE(accepted->is_open());
    dialed->close("the test is over");
    clock.advance(10s);
    loop.restart();
    loop.poll();
}
