#include "agent/kept_output.hpp"

#include <map>

#include "agent/report_fields.hpp"
#include "agent_support.hpp"
#include "catch.hpp"
#include "elves/error.hpp"
#include "support/fake_peer.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

namespace {

auto const one = TaskId(1).text();

/// What a server has of each stream.
struct FakeServer {
    std::map<std::string, std::string> streams;
    std::string refusal; ///< Empty: it takes all.

    Back take(FakePeer::Sent const& sent)
    {
        Back back;
        back.flag = refusal.empty();
        back.error_info = refusal;
        if (!back.flag || sent.method != "output") return back;
        auto& stream = streams[std::string(sent.fields.at("stream").as_string())];
        auto const at = sent.fields.at("offset").to_number<std::size_t>();
        auto const& data = sent.fields.at("data").as_string();
        REQUIRE(at <= stream.size()); // no hole
        if (at + data.size() > stream.size()) stream += std::string_view(data).substr(stream.size() - at);
        return back;
    }
};

/// An agent on a machine that survives it.
struct Life {
    explicit Life(Machine& machine_, bool has_link = true) : machine(machine_)
    {
        house.bounds.learn(json_of({{"max_output", 1'000'000}}).root());
        if (has_link) link_up();
    }
    void link_up()
    {
        peer = std::make_shared<FakePeer>(machine.io.get_executor(), machine.clock);
        peer->answer = [this](FakePeer::Sent const& sent) { return server.take(sent); };
        house.output.link_up(peer);
        house.reports.link_up(peer);
        house.settle();
    }
    void link_down()
    {
        house.output.link_down();
        house.reports.link_down();
    }
    void begin() { house.instruct(one, "async"); }
    void print(std::string_view text, OutputStream stream = OutputStream::output)
    {
        house.workers.print(TaskId(1), text, stream);
        house.settle();
    }
    void end()
    {
        house.workers.end(TaskId(1));
        house.settle();
    }
    [[nodiscard]] std::int64_t rows()
    {
        auto row = machine.store.db().run("SELECT count(*) FROM output");
        return row.next() ? row.number(0) : -1;
    }
    void pass(std::chrono::seconds time)
    {
        for (; time.count() > 0; --time) house.pass(1s);
    }

    Machine& machine;
    House house{machine.store, machine.io, machine.clock};
    FakeServer server;
    std::shared_ptr<FakePeer> peer;
};

} // namespace

TEST_CASE("what is confirmed within a second is never in the journal", "[kept_output]")
{
    Machine machine;
    Life life(machine);
    life.begin();
    life.print("out");
    life.print("err", OutputStream::errors);
    CHECK(life.server.streams == std::map<std::string, std::string>{{"stdout", "out"}, {"stderr", "err"}});
    life.pass(5s);
    CHECK(life.rows() == 0);
    life.end();
    CHECK(life.peer->calls.size() == 2);
}

TEST_CASE("what a task printed without a link goes on the next one, after its end too", "[kept_output]")
{
    Machine machine;
    Life life(machine, false);
    life.begin();
    life.print("one\n");
    life.pass(2s);
    life.print("two\n");
    life.end();
    CHECK(life.rows() > 0);
    life.link_up();
    CHECK(life.server.streams.at("stdout") == "one\ntwo\n");
    life.pass(5s);
    CHECK(life.rows() == 0);
}

TEST_CASE("it survives the agent's own end", "[kept_output]")
{
    Machine machine;
    {
        Life life(machine, false);
        life.begin();
        life.print("before");
        life.print("why", OutputStream::errors);
        life.end();
    }
    Life next(machine);
    next.house.settle();
    CHECK(next.server.streams == std::map<std::string, std::string>{{"stdout", "before"}, {"stderr", "why"}});
    next.pass(5s);
    CHECK(next.rows() == 0);
}

TEST_CASE("a server that cannot write is asked again until it can", "[kept_output]")
{
    Machine machine;
    Life life(machine);
    life.server.refusal =
        GENERATE("[507.1] the disk is full", "[429.1] later", "[503.1] shutting down", "[500.1] internal");
    life.begin();
    life.print("a");
    life.end();
    life.pass(100s);
    life.server.refusal.clear();
    life.pass(70s);
    CHECK(life.server.streams.at("stdout") == "a");
}

TEST_CASE("a task that the server does not know is asked for until its result is confirmed", "[kept_output]")
{
    Machine machine;
    Life life(machine);
    life.server.refusal = "[416.1] no task";
    life.begin();
    life.print("a");
    life.end();
    life.pass(40s);
    CHECK(life.rows() > 0);
    life.house.tasks.confirm({TaskId(1)});
    life.pass(600s);
    CHECK(life.rows() == 0);
    CHECK(life.house.count("1") == 1);
}

TEST_CASE("output of a task whose result is not in the journal yet, and unknown to the server, is kept",
    "[kept_output]")
{
    Machine machine;
    Life life(machine);
    life.server.refusal = "[416.1] no task";
    life.begin();
    for (char const letter : std::string("abcdef")) life.print(std::string(1, letter));
    machine.store.fail_all(true);
    life.end();
    life.pass(40s);
    machine.store.fail_all(false);
    life.server.refusal.clear();
    life.pass(120s);
    CHECK(life.server.streams.at("stdout") == "abcdef");
}

TEST_CASE("pieces that are refused together count as refused once", "[kept_output]")
{
    Machine machine;
    Life life(machine);
    life.server.refusal = "[403.10] not now";
    life.begin();
    for (char const letter : std::string("abcdefghijkl"))
        life.house.workers.print(TaskId(1), std::string(1, letter), OutputStream::output);
    life.end();
    life.server.refusal.clear();
    life.pass(120s);
    CHECK(life.server.streams.at("stdout") == "abcdefghijkl");
}

TEST_CASE("what there is no room for is left out, with a line that says so, and the result is marked",
    "[kept_output]")
{
    Machine machine;
    Life life(machine, false);
    KeptOutput small(machine.io.get_executor(), machine.clock, life.house.journal, life.house.bounds,
        {1'000'000, 100'000});
    small.put(TaskId(9), OutputStream::output, std::string(90'000, 'a'));
    small.put(TaskId(9), OutputStream::output, std::string(20'000, 'b'));
    CHECK(small.end(TaskId(9)));
    machine.clock.advance(1s);
    life.house.settle();
    FakeServer server;
    auto const peer = std::make_shared<FakePeer>(machine.io.get_executor(), machine.clock);
    peer->answer = [&](FakePeer::Sent const& sent) { return server.take(sent); };
    small.link_up(peer);
    life.house.settle();
    CHECK(server.streams.at("stdout") == std::string(90'000, 'a') + "[20000 bytes left out]\n");
}

TEST_CASE("a result whose output was cut is marked", "[kept_output]")
{
    Machine machine;
    Life life(machine);
    life.begin();
    for (int i = 0; i < 20; ++i) life.print(std::string(100'000, 'x'));
    life.print("LAST LINE\n");
    life.end();
    auto const& all = life.server.streams.at("stdout");
    CHECK(all.starts_with(std::string(500'000, 'x') + "\n[1000010 bytes left out]\n"));
    CHECK(all.ends_with("xLAST LINE\n"));
    CHECK(json::serialize(life.house.call("status", {{"id", json::array{one}}})->value())
              .find("\"truncated\":\"true\"") != std::string::npos);
}

TEST_CASE("with frames that are small the pieces are, too", "[kept_output]")
{
    Machine machine;
    Life life(machine, false);
    life.house.bounds.learn(json_of({{"max_output", 1'000'000}, {"max_frame", 16'384}}).root());
    life.link_up();
    life.begin();
    life.print(std::string(100'000, '\x01'));
    life.end();
    CHECK(life.server.streams.at("stdout") == std::string(100'000, '\x01'));
    for (auto const& sent : life.peer->calls) CHECK(json::serialize(sent.fields).size() < 16'384);
}

TEST_CASE("an older server gets standard output only", "[kept_output]")
{
    Machine machine;
    Life life(machine, false);
    life.house.bounds.learn(json_of({{"interval", 10}}).root());
    life.link_up();
    life.begin();
    life.print("out");
    life.print("err", OutputStream::errors);
    life.end();
    life.pass(5s);
    CHECK(life.server.streams == std::map<std::string, std::string>{{"stdout", "out"}});
    CHECK(life.rows() == 0);
}

TEST_CASE("after a frame that was too large smaller ones are sent, once for each link", "[kept_output]")
{
    ServerBounds bounds;
    bounds.learn(json_of({{"max_frame", 1'048'576}}).root());
    CHECK(bounds.max_frame() == 1'048'576);
    bounds.link_failed("the connection was lost: reset by peer");
    CHECK(bounds.max_frame() == 1'048'576);
    bounds.link_failed("[400.2] a frame over server.max_frame; give at most 100000 bytes");
    bounds.link_failed("[400.2] a frame over server.max_frame; give at most 100000 bytes");
    CHECK(bounds.max_frame() == 524'288);
    bounds.learn(json_of({{"max_frame", 1'048'576}}).root());
    bounds.link_failed("[400.2] a frame");
    CHECK(bounds.max_frame() == 262'144);
    bounds.learn(json_of({{"max_frame", 2'097'152}}).root());
    CHECK(bounds.max_frame() == 2'097'152);
}

TEST_CASE("a report fits the server's frame, and is marked where it was cut", "[kept_output]")
{
    WorkerReport report;
    report.result = std::string(1'048'576, GENERATE('x', '\x01'));
    report.stderr_text = std::string(65'000, 'e') + "END";
    auto fitted = report;
    auto const max_frame = GENERATE(std::size_t{65'536}, std::size_t{1'048'576});
    fit_a_frame(fitted, max_frame);
    CHECK(json::serialize(json::string_view(fitted.result)).size() +
              json::serialize(json::string_view(fitted.stderr_text)).size() <
          max_frame);
    CHECK(fitted.truncated);
    CHECK(fitted.stderr_text.ends_with("END"));
    CHECK(fitted.result.size() > max_frame / 10);
    WorkerReport small;
    small.result = "fine";
    fit_a_frame(small, max_frame);
    CHECK_FALSE(small.truncated);
}
