#include "rpc/log_limit.hpp"

#include "catch.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Ip address(int n)
{
    return Ip::of_v4({10, 0, static_cast<std::uint8_t>(n / 256), static_cast<std::uint8_t>(n % 256)});
}

int admitted(LogLimit& limit, std::string_view event, Ip const& peer, int tries = 100)
{
    int lines = 0;
    for (int i = 0; i < tries; ++i) lines += limit.admits(event, peer) ? 1 : 0;
    return lines;
}

} // namespace

TEST_CASE("an address may cause ten log lines a minute of each event", "[log]")
{
    ManualClock clock;
    LogLimit limit(clock);
    CHECK(admitted(limit, "tls.failed", address(1)) == 10);
    CHECK(admitted(limit, "tls.failed", address(2)) == 10);
    CHECK(admitted(limit, "connection.refused", address(1)) == 10);
    clock.advance(59s);
    CHECK(admitted(limit, "tls.failed", address(1)) == 0);
    clock.advance(1s);
    CHECK(admitted(limit, "tls.failed", address(1)) == 10);
}

TEST_CASE("an IPv6 network of 64 bits is one address for the log", "[log]")
{
    ManualClock clock;
    LogLimit limit(clock);
    CHECK(admitted(limit, "tls.failed", Ip::parse("2001:db8::1").value()) == 10);
    CHECK(admitted(limit, "tls.failed", Ip::parse("2001:db8::2").value()) == 0);
    CHECK(admitted(limit, "tls.failed", Ip::parse("2001:db8:0:1::1").value()) == 10);
}

TEST_CASE("however many addresses there are, the log's lines and their bookkeeping are bounded", "[log]")
{
    ManualClock clock;
    LogLimit limit(clock);
    int lines = 0;
    for (int n = 1; n <= 20'000; ++n) lines += admitted(limit, "tls.failed", address(n), 1);
    CHECK(lines == 1024 + 10);
}
