#include "ctl/destination.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "catch.hpp"
#include "ctl/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::ctl;

TEST_CASE(
    "elvesctl's server is an address or a socket, and by default the packaged socket where it is", "[ctl]")
{
    TempFolder const files;
    auto const socket = files.file("socket");
    CHECK(destination_of(std::nullopt, socket).text() == "127.0.0.1:7788");
    files.write("socket", "a file");
    CHECK(destination_of(std::nullopt, socket).text() == "127.0.0.1:7788");
    auto const there = files.file("there");
    boost::asio::io_context loop;
    boost::asio::local::stream_protocol::acceptor const door(
        loop, boost::asio::local::stream_protocol::endpoint(there));
    CHECK(destination_of(std::nullopt, there).text() == "unix:" + there);
    CHECK(destination_of("10.0.0.1:1", there).text() == "10.0.0.1:1");
    CHECK(destination_of("[::1]:1", there).text() == "[::1]:1");
    CHECK(destination_of("/run/x", there).socket == "/run/x");
    CHECK(destination_of("unix:/run/x", there).socket == "/run/x");
    for (auto const* given : {"", "unix:", "unix:x", "x", "host", "host:0", "host:70000", "::1:1"})
        CHECK_THROWS_AS(destination_of(given, there), Usage);
    CHECK_NOTHROW(destination_of("/" + std::string(106, 'x'), there));
    CHECK_THROWS_AS(destination_of("/" + std::string(107, 'x'), there), Usage);
}
