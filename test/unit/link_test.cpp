#include "rpc/link.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "catch.hpp"
#include "elves/error.hpp"
#include "elves/one_shot.hpp"
#include "manual_clock.hpp"
#include "rpc/router.hpp"

using namespace elves;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

/// A Link and, at the other end of a real connection, a bare socket.
struct Wire {
    asio::io_context loop;
    ManualClock clock;
    Gate gate;
    Router router{gate};
    MethodTable table;
    LinkShared shared{clock, &router};
    std::deque<OneShot<std::string>> held; ///< Calls of `hold` that wait.
    tcp::socket other{loop};
    std::shared_ptr<Link> link;
    FrameReader reader{1 << 20};
    bool other_closed = false;
    asio::basic_socket_acceptor<tcp, LoopExecutor> door{
        loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};

    explicit Wire(LinkLimits limits = {})
    {
        shared.limits = limits;
        table.call<Nothing>("now", Right::open, {}, "Answers at once.", [](Nothing, Caller const&) {
            return Reply{{"said", "now"}};
        });
        table.call<Nothing>("big", Right::open, {}, "Answers with much.", [](Nothing, Caller const&) {
            return Reply{{"said", std::string(100'000, 'x')}};
        });
        table.call<Nothing>(
            "hold", Right::open, {}, "Answers when told.", [this](Nothing, Caller) -> asio::awaitable<Reply> {
                auto mine = held.emplace_back();
                auto const said = co_await mine.wait(clock, 1h);
                co_return Reply{{"said", said.value_or("late")}};
            });
        router.add("test", table);
        table.call<Nothing>(
            "calls", Right::open, {}, "How many there were so far.", [this](Nothing, Caller const&) {
                return Reply{{"said", std::to_string(shared.calls)}};
            });
        link = dial(other);
    }
    std::shared_ptr<Link> dial(tcp::socket& from)
    {
        from.connect(door.local_endpoint());
        from.non_blocking(true);
        tcp::endpoint remote;
        auto socket = door.accept(remote);
        auto const made = std::make_shared<Link>(std::move(socket), remote, shared);
        made->start();
        return made;
    }
    ~Wire()
    {
        for (auto& waiting : held) waiting.set("over");
        settle();
        link->close("the test is over");
        clock.advance(10s);
        settle();
    }

    void settle()
    {
        loop.restart();
        loop.poll();
    }
    void send_bytes(std::string_view bytes)
    {
        boost::system::error_code failure;
        asio::write(other, asio::buffer(bytes), failure);
        settle();
    }
    static std::string framed(std::string_view text)
    {
        std::string out(4, '\0');
        out += text;
        seal_frame(out, 0);
        return out;
    }
    static std::string call_of(std::string const& method, std::string const& mqid = "")
    {
        auto const id = mqid.empty() ? "" : R"(,"mqid":)" + mqid;
        return framed(R"({"mqt":"call","mqs":"test","mqf":")" + method + "\"" + id + "}");
    }
    /// The next frame from the link; an empty object where none comes, or the connection is closed.
    json::object next(std::chrono::milliseconds patience = 2s)
    {
        auto const until = std::chrono::steady_clock::now() + patience;
        for (;;) {
            if (auto const text = reader.next()) return json::parse(*text).as_object();
            char buffer[65536];
            boost::system::error_code failure;
            auto const size = other.read_some(asio::buffer(buffer), failure);
            if (failure == asio::error::eof || failure == asio::error::connection_reset) other_closed = true;
            if (size > 0) {
                reader.put({buffer, size});
                reader.hold();
            } else if (other_closed || std::chrono::steady_clock::now() > until) {
                return {};
            }
            loop.restart();
            loop.run_for(1ms);
        }
    }
    std::string said() { return text(next(), "said"); }
    static std::string text(json::object const& frame, std::string_view field)
    {
        auto const* const value = frame.if_contains(field);
        return value && value->is_string() ? std::string(value->as_string()) : std::string();
    }
};

} // namespace

TEST_CASE("a connection with pending I/O touches nothing of what it shared once that is destroyed", "[link]")
{
    asio::io_context loop;
    ManualClock clock;
    alignas(LinkShared) unsigned char place[sizeof(LinkShared)];
    auto* const shared = new (place) LinkShared{clock};
    asio::basic_socket_acceptor<tcp, LoopExecutor> door(
        loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    tcp::socket other(loop);
    other.connect(door.local_endpoint());
    tcp::endpoint remote;
    auto socket = door.accept(remote);
    auto link = std::make_shared<Link>(std::move(socket), remote, *shared);
    link->start();
    // Part of a frame: memory that the connection accounts for.
    asio::write(other, asio::buffer(std::string("\0\0\1\0part", 8)));
    loop.poll();
    REQUIRE(shared->held > 0);
    std::weak_ptr<Link> const still_there = link;
    link.reset();
    REQUIRE_FALSE(still_there.expired()); // its pending read owns it
    shared->~LinkShared();
    std::fill(std::begin(place), std::end(place), static_cast<unsigned char>(0xAB));
    loop.restart();
    loop.poll();
    CHECK(still_there.expired());
    CHECK(std::all_of(std::begin(place), std::end(place), [](unsigned char byte) { return byte == 0xAB; }));
}

TEST_CASE("replies that wait for one before them count as owed: who has too many is not read", "[link]")
{
    Wire wire;
    std::string calls = Wire::call_of("hold");
    for (int i = 0; i < 50; ++i) calls += Wire::call_of("big");
    wire.send_bytes(calls);
    CHECK(wire.shared.calls < 20);
    CHECK(wire.shared.held > std::size_t{1024} * 1024);
    wire.held.front().set("first");
    wire.settle();
    CHECK(wire.said() == "first");
    for (int i = 0; i < 50; ++i) CHECK(wire.said().size() == 100'000);
}

TEST_CASE(
    "replies without mqid come in the order of the calls, those with one as soon as they are ready", "[link]")
{
    Wire wire;
    wire.send_bytes(Wire::call_of("hold") + Wire::call_of("now") + Wire::call_of("hold", "\"a\"") +
                    Wire::call_of("now", "7"));
    CHECK(wire.next().at("mqid") == 7);
    REQUIRE(wire.held.size() == 2);
    wire.held[1].set("second");
    wire.settle();
    auto const overtakes = wire.next();
    CHECK(overtakes.at("mqid") == "a");
    CHECK(overtakes.at("said") == "second");
    wire.held[0].set("first");
    wire.settle();
    CHECK(wire.said() == "first");
    CHECK(wire.said() == "now");
}

TEST_CASE("a cast gets no answer, a back that nobody waits for neither", "[link]")
{
    Wire wire;
    wire.send_bytes(Wire::framed(R"({"mqt":"cast","mqs":"test","mqf":"now"})") +
                    Wire::framed(R"({"mqt":"cast","mqs":"no","mqf":"such"})") +
                    Wire::framed(R"({"mqt":"back","mqs":"test","mqf":"now","mqid":1,"flag":"true"})") +
                    Wire::framed(R"({"mqt":"back","mqid":"x"})") + Wire::call_of("now", "1"));
    CHECK(wire.next().at("mqid") == 1);
    CHECK(wire.next(20ms).empty());
}

TEST_CASE("what is no JSON object is answered in its place, and the connection goes on", "[link]")
{
    Wire wire;
    wire.send_bytes(
        Wire::call_of("hold") + Wire::framed("not json") + Wire::framed("[1]") + Wire::call_of("now"));
    CHECK(wire.next(20ms).empty());
    wire.held.at(0).set("first");
    wire.settle();
    CHECK(wire.said() == "first");
    for (int i = 0; i < 2; ++i) {
        auto const refused = wire.next();
        CHECK(refused.at("mqt") == "back");
        CHECK(refused.at("mqs") == "");
        CHECK(Wire::text(refused, "error_info").starts_with("[400.1] "));
    }
    CHECK(wire.said() == "now");
}

TEST_CASE("JSON that is too deep is refused, and what is just not too deep isn't", "[link]")
{
    Wire wire;
    auto const nested = [](int depth) {
        return R"({"mqt":"call","mqs":"test","mqf":"now","x":)" +
               std::string(static_cast<std::size_t>(depth), '[') +
               std::string(static_cast<std::size_t>(depth), ']') + "}";
    };
    wire.send_bytes(Wire::framed(nested(31)) + Wire::framed(nested(32)) + Wire::framed(nested(100'000)));
    CHECK(wire.said() == "now");
    CHECK(Wire::text(wire.next(), "error_info").starts_with("[400.1] "));
    CHECK(Wire::text(wire.next(), "error_info").starts_with("[400.1] "));
}

TEST_CASE("a length of zero or over the limit is answered once, then the connection closes", "[link]")
{
    LinkLimits limits;
    limits.max_frame = 1000;
    Wire wire(limits);
    bool const zero = GENERATE(true, false);
    wire.send_bytes(zero ? std::string(4, '\0') : std::string("\0\0\3\xE9", 4));
    CHECK(Wire::text(wire.next(), "error_info").starts_with(zero ? "[400.1] " : "[400.2] "));
    CHECK(wire.next(200ms).empty());
    CHECK(wire.other_closed);
    CHECK_FALSE(wire.link->is_open());
}

TEST_CASE("a connection with too many calls under way is not read until one is answered", "[link]")
{
    LinkLimits limits;
    limits.max_inflight = 2;
    Wire wire(limits);
    wire.send_bytes(Wire::call_of("hold", "1") + Wire::call_of("hold", "2") + Wire::call_of("now", "3"));
    CHECK(wire.link->inflight() == 2);
    CHECK(wire.next(20ms).empty());
    wire.held[0].set("first");
    wire.settle();
    CHECK(wire.next().at("mqid") == 1);
    CHECK(wire.next().at("mqid") == 3);
}

TEST_CASE(
    "who does not read is not served without end: his calls wait, and what was asked is answered", "[link]")
{
    LinkLimits limits;
    limits.pause_bytes = 1;
    Wire wire(limits);
    std::string calls;
    for (int i = 1; i <= 200; ++i) calls += Wire::call_of("big", std::to_string(i));
    wire.send_bytes(calls);
    CHECK(wire.shared.calls < 200); // 20 MB of answers fit in no socket's buffer
    for (int i = 1; i <= 200; ++i) REQUIRE(wire.next().at("mqid") == i);
    CHECK(wire.shared.calls == 200);
}

namespace {

/// Another client of the same server.
struct Second {
    Wire& wire;
    tcp::socket socket{wire.loop};
    std::shared_ptr<Link> link = wire.dial(socket);

    explicit Second(Wire& wire_) : wire(wire_) {}
    ~Second() { link->close("the test is over"); }
    /// What is there to be read.
    std::string read()
    {
        wire.settle();
        std::string bytes(65536, '\0');
        boost::system::error_code failure;
        bytes.resize(socket.read_some(asio::buffer(bytes), failure));
        return bytes;
    }
};

std::string many_big(int count)
{
    std::string calls;
    for (int i = 1; i <= count; ++i) calls += Wire::call_of("big", std::to_string(i));
    return calls;
}

} // namespace

TEST_CASE("who asks for much at once has his turn, and then the others have theirs", "[link]")
{
    Wire wire;
    Second second(wire);
    asio::write(wire.other, asio::buffer(many_big(9))); // 100 kB each
    asio::write(second.socket, asio::buffer(Wire::call_of("calls")));
    CHECK_THAT(second.read(), Catch::Contains(R"("said":"2")") || Catch::Contains(R"("said":"1")"));
    for (int i = 1; i <= 9; ++i) CHECK(wire.next().at("mqid") == i);
}

TEST_CASE("who asks for little waits for some of those that ask for much, not for all", "[link]")
{
    constexpr std::size_t greedy = 40;
    Wire wire;
    std::deque<Second> others;
    for (std::size_t i = 0; i < greedy; ++i) {
        auto& other = others.emplace_back(wire);
        asio::write(other.socket, asio::buffer(many_big(3)));
    }
    Second modest(wire);
    while (wire.shared.calls < greedy) wire.loop.run_one();
    asio::write(modest.socket, asio::buffer(Wire::call_of("calls")));
    auto const said = json::parse(modest.read().substr(4)).at("said");
    CHECK(std::stoul(std::string(said.as_string())) < greedy + greedy / 2);
}

TEST_CASE("when many agents speak at once, who calls waits for some of them, not for all", "[link]")
{
    constexpr std::size_t count = 60;
    Wire wire;
    std::deque<Second> agents;
    for (std::size_t i = 0; i < count; ++i) agents.emplace_back(wire).link->keep_when_idle();
    Second caller(wire);
    for (auto& agent : agents) asio::write(agent.socket, asio::buffer(Wire::call_of("now")));
    asio::write(caller.socket, asio::buffer(Wire::call_of("calls")));
    auto const said = json::parse(caller.read().substr(4)).at("said");
    CHECK(std::stoul(std::string(said.as_string())) < count / 2);
    CHECK(wire.shared.calls == count + 1);
}

TEST_CASE("while all together hold too much, who does not read is not served, and who reads is", "[link]")
{
    LinkLimits limits;
    limits.pause_bytes = 50'000'000;
    limits.all_bytes = 300'000;
    Wire wire(limits);
    wire.send_bytes(many_big(400));
    CHECK(wire.shared.held > limits.all_bytes);
    CHECK(wire.shared.held < limits.all_bytes + 200'000);
    auto const served = wire.shared.calls;
    CHECK(served < 400);
    Second second(wire);
    for (int i = 0; i < 3; ++i) {
        asio::write(second.socket, asio::buffer(Wire::call_of("now")));
        CHECK_THAT(second.read(), Catch::Contains(R"("said":"now")"));
    }
    CHECK(wire.shared.calls == served + 3);
    for (int i = 1; i <= 400; ++i) REQUIRE(wire.next().at("mqid") == i);
    CHECK(wire.shared.held == 0);
}

TEST_CASE("while all together hold too much, a long frame that is not whole is refused, a short one is not",
    "[link]")
{
    LinkLimits limits;
    limits.all_bytes = 5'000;
    Wire wire(limits);
    wire.send_bytes(std::string("\0\1\0\0", 4) + std::string(5'100, ' '));
    CHECK_THAT(Wire::text(wire.next(), "error_info"), Catch::Contains("[429.1]"));
    CHECK_FALSE(wire.link->is_open());
    wire.shared.held = 6'000; // as of another link
    Second second(wire);
    auto const call = Wire::call_of("now");
    asio::write(second.socket, asio::buffer(call.substr(0, 20)));
    CHECK(second.read().empty());
    asio::write(second.socket, asio::buffer(call.substr(20)));
    CHECK_THAT(second.read(), Catch::Contains("now"));
}

TEST_CASE("who does not read what we send him unasked is let go", "[link]")
{
    LinkLimits limits;
    limits.close_bytes = 1'000'000;
    Wire wire(limits);
    json::object const much{{"x", std::string(300'000, 'x')}};
    for (int i = 0; i < 100 && wire.link->is_open(); ++i) {
        wire.link->cast("agent", "noise", much);
        wire.settle();
    }
    CHECK_FALSE(wire.link->is_open());
}

TEST_CASE("a link keeps no large buffer, and none at all once it is quiet", "[link]")
{
    Wire wire;
    auto const empty = wire.link->buffers();
    wire.send_bytes(Wire::call_of("big"));
    CHECK(wire.said().size() == 100'000);
    wire.settle();
    CHECK(wire.link->buffers() == empty);
    wire.send_bytes(Wire::call_of("now"));
    CHECK(wire.said() == "now");
    wire.link->give_back_memory();
    CHECK(wire.link->buffers() == empty);
}

TEST_CASE("our own call ends with its answer, its limit, or the connection", "[link]")
{
    Wire wire;
    std::string ending;
    auto const cancel = [&](std::chrono::milliseconds limit) -> asio::awaitable<Back> {
        json::object const fields{{"id", "A"}};
        co_return co_await wire.link->call("agent", "cancel", fields, limit);
    };
    auto const ask = [&](std::chrono::milliseconds limit) {
        asio::co_spawn(wire.loop, cancel(limit), [&](std::exception_ptr failure, Back const& back) {
            try {
                if (failure) std::rethrow_exception(failure);
                ending = back.flag ? "true" : back.error_info;
            } catch (Error const& error) {
                ending = error.info();
            }
        });
        wire.settle();
        return wire.next();
    };
    auto const back_to = [](json::object const& call, std::string const& rest) {
        return Wire::framed(R"({"mqt":"back","mqid":)" + json::serialize(call.at("mqid")) + rest + "}");
    };
    auto const well = ask(1s);
    CHECK(well.at("mqt") == "call");
    CHECK(well.at("id") == "A");
    wire.send_bytes(back_to(well, R"(,"flag":"true")"));
    CHECK(ending == "true");

    auto const ill = ask(1s);
    wire.send_bytes(back_to(ill, R"(,"flag":"false","error_info":"[416.1] no")"));
    CHECK(ending == "[416.1] no");

    auto const late = ask(1s);
    wire.clock.advance(1s);
    wire.settle();
    CHECK(ending.starts_with("[410.2] "));
    ending.clear();
    wire.send_bytes(back_to(late, R"(,"flag":"true")"));
    CHECK(ending.empty());

    ask(1s);
    wire.other.close();
    for (int i = 0; i < 200 && ending.empty(); ++i) wire.loop.run_for(5ms), wire.loop.restart();
    CHECK(ending.starts_with("[410.1] "));
    ending.clear();
    ask(1s);
    CHECK(ending.starts_with("[410.1] "));
}

TEST_CASE("whoever asked is told once that a connection has closed, also where it has already", "[link]")
{
    Wire wire;
    int told = 0;
    wire.link->on_close([&] { ++told; });
    wire.link->close("enough");
    wire.settle();
    CHECK(told == 1);
    wire.link->on_close([&] { ++told; });
    wire.link->close("again");
    wire.settle();
    CHECK(told == 2);
    CHECK(wire.next(200ms).empty());
    CHECK(wire.other_closed);
}

TEST_CASE("what is being answered when the other side stops sending is still answered", "[link]")
{
    Wire wire;
    wire.send_bytes(Wire::call_of("hold"));
    wire.other.shutdown(tcp::socket::shutdown_send);
    for (int i = 0; i < 200 && wire.link->is_open(); ++i) wire.loop.run_for(5ms), wire.loop.restart();
    CHECK_FALSE(wire.link->is_open());
    wire.held.at(0).set("after all");
    wire.settle();
    CHECK(wire.said() == "after all");
    CHECK(wire.next(200ms).empty());
    CHECK(wire.other_closed);
}

TEST_CASE("a connection is idle when nothing is under way, and nobody keeps it", "[link]")
{
    Wire wire;
    CHECK(wire.link->is_idle());
    wire.send_bytes(Wire::call_of("hold"));
    CHECK_FALSE(wire.link->is_idle());
    wire.held.at(0).set("x");
    wire.settle();
    CHECK(wire.said() == "x");
    CHECK(wire.link->is_idle());
    wire.link->keep_when_idle();
    CHECK_FALSE(wire.link->is_idle());
}

namespace {

/// A server that wants a key, and a caller who has not shown one yet.
struct Strangers : Wire {
    std::string const ping = call_of("now", "1");

    explicit Strangers(LinkLimits limits = {}) : Wire(limits)
    {
        gate.mode = AuthMode::keys;
        link = nullptr;
        other = tcp::socket(loop);
        link = dial(other);
    }
    /// A call of exactly that many bytes.
    static std::string padded(std::size_t size)
    {
        std::string const head = R"({"mqt":"call","mqs":"test","mqf":"now","mqid":1,"x":")";
        return framed(head + std::string(size - head.size() - 2, 'x') + "\"}");
    }
};

} // namespace

TEST_CASE("a stranger's frame is at most 16 KiB, and refused by its length alone", "[link]")
{
    Strangers wire;
    wire.send_bytes(Strangers::padded(16 * 1024));
    CHECK(wire.next().at("said") == "now");
    wire.send_bytes(std::string_view("\x00\x00\x40\x01", 4));
    auto const refusal = wire.next();
    CHECK(refusal.at("error_info").as_string().starts_with("[400.2] the frame is over 16384 bytes"));
    CHECK(wire.next(200ms).empty());
    CHECK_FALSE(wire.link->is_open());
}

TEST_CASE("once a key was proven on a connection its frames may have max_frame bytes", "[link]")
{
    Strangers wire;
    wire.link->grant_authority();
    wire.send_bytes(Strangers::padded(16 * 1024 + 1) + wire.ping);
    CHECK(wire.next().at("said") == "now");
    CHECK(wire.next().at("said") == "now");
    wire.send_bytes(std::string_view("\x00\x40\x00\x01", 4));
    CHECK(wire.next().at("error_info").as_string().starts_with("[400.2] a frame over server.max_frame"));
}

TEST_CASE("a stranger is closed at the first frame that is not a JSON object", "[link]")
{
    for (auto const* const text : {"garbage", "[]", "{\"a\":1e999}", "{\"a\":\"\xFF\"}"}) {
        INFO(text);
        Strangers wire;
        wire.send_bytes(Strangers::framed(text) + wire.ping);
        CHECK(wire.next().at("error_info").as_string().starts_with("[400.1]"));
        CHECK(wire.next(200ms).empty());
        CHECK_FALSE(wire.link->is_open());
    }
}

TEST_CASE(
    "of a stranger's calls eight may wait for their answers, of one with a key as many as the settings say",
    "[link]")
{
    Strangers wire;
    std::string many;
    for (int i = 0; i < 20; ++i) many += Strangers::call_of("hold", std::to_string(i));
    wire.send_bytes(many);
    CHECK(wire.held.size() == 8);
    wire.link->grant_authority();
    wire.held.front().set("done");
    wire.settle();
    CHECK(wire.held.size() == 20);
}

TEST_CASE("a key that came with a call raises the limits for ten minutes", "[link]")
{
    Strangers wire;
    wire.link->grant_authority();
    wire.clock.advance(9min);
    wire.send_bytes(Strangers::padded(20'000));
    CHECK(wire.next().at("said") == "now");
    wire.clock.advance(2min);
    wire.send_bytes(Strangers::padded(20'000));
    CHECK(wire.next().at("error_info").as_string().starts_with("[400.2] the frame is over 16384 bytes"));
}

TEST_CASE("when the settings ask for a key from now on, standing connections are strangers at once", "[link]")
{
    Strangers wire;
    wire.gate.mode = AuthMode::open;
    wire.send_bytes(Strangers::padded(20'000) + Strangers::framed("garbage") + wire.ping);
    CHECK(wire.next().at("said") == "now");
    CHECK(wire.next().at("error_info").as_string().starts_with("[400.1]"));
    CHECK(wire.next().at("said") == "now");
    wire.gate.mode = AuthMode::keys;
    SECTION("for their frames' length")
    {
        wire.send_bytes(Strangers::padded(20'000));
        CHECK(wire.next().at("error_info").as_string().starts_with("[400.2]"));
    }
    SECTION("for garbage")
    {
        wire.send_bytes(Strangers::framed("garbage"));
        CHECK(wire.next().at("error_info").as_string().starts_with("[400.1]"));
    }
    CHECK(wire.next(200ms).empty());
    CHECK_FALSE(wire.link->is_open());
}
