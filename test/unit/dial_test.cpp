#include "client/dial.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <sys/socket.h>

#include "catch.hpp"
#include "client/connect_race.hpp"
#include "client/resolve.hpp"
#include "elves/error.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

tcp::endpoint at(char const* host, std::uint16_t port = 0)
{
    return {boost::asio::ip::make_address(host), port};
}

/// Accepts, but for `answers` false: then its queue is full, and the system answers nobody.
struct Listener {
    Listener(asio::io_context& loop, char const* host, std::uint16_t port = 0, bool answers = true)
        : door(loop)
    {
        door.open(tcp::v4());
        door.set_option(tcp::acceptor::reuse_address(true));
        door.bind(at(host, port));
        door.listen(answers ? 16 : 0);
        if (answers) return;
        for (auto& each : filling) {
            each.emplace(loop);
            each->open(tcp::v4());
            each->non_blocking(true);
            // Not Asio's own, which waits for the outcome.
            auto const to = door.local_endpoint();
            static_cast<void>(::connect(each->native_handle(), to.data(), static_cast<socklen_t>(to.size())));
        }
    }
    [[nodiscard]] std::uint16_t port() const { return door.local_endpoint().port(); }

    asio::basic_socket_acceptor<tcp, LoopExecutor> door;
    std::array<std::optional<asio::basic_stream_socket<tcp, LoopExecutor>>, 4> filling;
};

/// What names stand for, for one test.
struct Names {
    explicit Names(std::function<ResolvedName(std::string const&, std::uint16_t)> resolver)
    {
        set_resolver_for_tests(std::move(resolver));
    }
    ~Names() { set_resolver_for_tests({}); }
};

struct Dial {
    asio::io_context loop{1};
    ManualClock clock;
    LinkShared shared{clock};
    std::shared_ptr<Link> link;
    std::string fault;
    bool is_over = false;

    void start(HostPort to, std::chrono::milliseconds limit = 10s)
    {
        asio::co_spawn(loop, dial(std::move(to), limit, shared),
            [this](std::exception_ptr failure, std::shared_ptr<Link> made) {
                is_over = true;
                link = std::move(made);
                try {
                    if (failure) std::rethrow_exception(failure);
                } catch (Error const& error) {
                    fault = error.info();
                }
            });
    }
    /// Turns the loop; true once it is over.
    bool turn(std::chrono::milliseconds limit = 3s)
    {
        auto const until = std::chrono::steady_clock::now() + limit;
        while (!is_over && std::chrono::steady_clock::now() < until) {
            loop.restart();
            loop.run_one_for(5ms);
        }
        return is_over;
    }
};

} // namespace

TEST_CASE("the families of a name's addresses are tried in turn", "[dial]")
{
    auto const places = ConnectRace::interleaved(
        {at("2001:db8::1"), at("2001:db8::2"), at("2001:db8::3"), at("192.0.2.1"), at("192.0.2.2")});
    CHECK(places == std::vector{at("2001:db8::1"), at("192.0.2.1"), at("2001:db8::2"), at("192.0.2.2"),
                        at("2001:db8::3")});
}

TEST_CASE("an address that answers nobody holds up the next one for 250 ms only", "[dial]")
{
    Dial test;
    Listener silent(test.loop, "127.0.0.1", 0, false);
    Listener good(test.loop, "127.0.0.9", silent.port());
    Names const names([&](auto const&, std::uint16_t port) {
        return ResolvedName{{at("127.0.0.1", port), at("127.0.0.9", port)}, {}};
    });
    test.start({"elves.test", silent.port()});
    CHECK_FALSE(test.turn(100ms));
    test.clock.advance(250ms);
    REQUIRE(test.turn());
    REQUIRE(test.link);
    CHECK(test.link->ip().text() == "127.0.0.9");
    CHECK(test.link->local_ip().value().is_loopback());
    test.link->close("done");
}

TEST_CASE("after an address that refuses the next one is tried at once", "[dial]")
{
    Dial test;
    Listener good(test.loop, "127.0.0.9");
    Names const names([&](auto const&, std::uint16_t port) {
        return ResolvedName{{at("127.0.0.2", port), at("127.0.0.3", port), at("127.0.0.9", port)}, {}};
    });
    test.start({"elves.test", good.port()});
    REQUIRE(test.turn());
    CHECK(test.link);
}

TEST_CASE("where no address answers the fault says how many were tried", "[dial]")
{
    Dial test;
    std::uint16_t port = Listener(test.loop, "127.0.0.9").port();
    Names const names([&](auto const&, std::uint16_t) {
        return ResolvedName{{at("127.0.0.2", port), at("127.0.0.3", port)}, {}};
    });
    test.start({"elves.test", port});
    REQUIRE(test.turn());
    CHECK(test.fault.find("nobody answers at elves.test:") != std::string::npos);
    CHECK(test.fault.find("(2 addresses tried)") != std::string::npos);
}

TEST_CASE("a resolver that hangs ends a dial at its limit and holds up no other one", "[dial]")
{
    std::mutex guard;
    std::condition_variable released;
    bool is_released = false;
    int ended = 0;
    {
        Dial test;
        Dial other;
        Listener good(other.loop, "127.0.0.1");
        Names const names([&](std::string const& host, std::uint16_t port) {
            std::unique_lock lock(guard);
            if (host == "hangs.test") {
                released.wait(lock, [&] { return is_released; });
                ++ended;
                released.notify_all();
            }
            return ResolvedName{{at("127.0.0.1", port)}, {}};
        });
        test.start({"hangs.test", 1});
        CHECK_FALSE(test.turn(50ms));
        other.start({"good.test", good.port()});
        CHECK(other.turn());
        CHECK(other.link);
        test.clock.advance(10s);
        REQUIRE(test.turn());
        CHECK(test.fault.find("the name was not resolved in time") != std::string::npos);
        std::unique_lock lock(guard);
        is_released = true;
        released.notify_all();
        released.wait(lock, [&] { return ended == 1; });
    }
}

TEST_CASE("a name without addresses is a fault that names it", "[dial]")
{
    Dial test;
    auto const name = std::string(70, 'a') + ".invalid"; // No name server is asked for a label so long.
    test.start({name, 7788});
    REQUIRE(test.turn(15s));
    CHECK(test.fault.find(name + ":7788: the name cannot be resolved") != std::string::npos);
}
