#include "client/tcp_listeners.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <unistd.h>

#include "catch.hpp"

using namespace elves;
using boost::asio::ip::tcp;

namespace {

Ip ip(char const* text) { return Ip::parse(text).value(); }

} // namespace

TEST_CASE("listeners are read from what the kernel lists, up to the first connection", "[client]")
{
    auto const found = parse_tcp_listeners(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1E6C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 "
        "100 0\n"
        "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 "
        "100 0\n"
        "   2: 0100007F:1E6C 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 "
        "20 4\n"
        "   3: 0100007F:1E6D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 14 1 0 "
        "100 0\n");
    REQUIRE(found.size() == 2);
    CHECK(found[0] == TcpListener{ip("127.0.0.1"), 7788, 1000, 4711});
    CHECK(found[1] == TcpListener{Ip(), 80, 0, 12});
    auto const six = parse_tcp_listeners("head\n"
                                         "   0: 00000000000000000000000001000000:1E6C "
                                         "00000000000000000000000000000000:0000 0A 0:0 0:0 0 7 0 1 1 0\n"
                                         "   1: 0000000000000000FFFF00000100007F:1E6C "
                                         "00000000000000000000000000000000:0000 0A 0:0 0:0 0 8 0 2 1 0\n");
    REQUIRE(six.size() == 2);
    CHECK(six[0].ip == ip("::1"));
    CHECK(six[1].ip == ip("127.0.0.1"));
    for (auto const* text : {"", "head", "head\n0: x", "head\n\n"}) CHECK(parse_tcp_listeners(text).empty());
}

TEST_CASE("a connection reaches the listener of its address before those of every address", "[client]")
{
    TcpListener const own{ip("127.0.0.1"), 1, 1, 1};
    TcpListener const every_v4{Ip(), 1, 2, 2};
    TcpListener const every_v6{ip("::"), 1, 3, 3};
    using All = std::vector<TcpListener>;
    CHECK(reached_by(ip("127.0.0.1"), {every_v6, every_v4, own}) == All{own});
    CHECK(reached_by(ip("127.0.0.2"), {every_v6, every_v4, own}) == All{every_v4});
    CHECK(reached_by(ip("127.0.0.2"), {every_v6, own}) == All{every_v6});
    CHECK(reached_by(ip("::1"), {every_v6, every_v4}) == All{every_v6});
    CHECK(reached_by(ip("::1"), {every_v4}).empty());
}

TEST_CASE("a socket that this process listens on is found, with its user", "[client]")
{
    boost::asio::io_context loop;
    tcp::acceptor const door(loop, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    auto const found = reached_by(ip("127.0.0.1"), tcp_listeners(door.local_endpoint().port()));
    REQUIRE(found.size() == 1);
    CHECK(found[0].uid == ::geteuid());
    CHECK(found[0].inode != 0);
}
