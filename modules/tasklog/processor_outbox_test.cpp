#include "tasklog/processor_outbox.hpp"

#include "catch.hpp"
#include "elves/one_shot.hpp"
#include "support/transitions_fixture.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

/// Apps' processors, all at one address.
class FakeProcessors final : public AppDirectory, public Dialer {
public:
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view) const override { return address; }
    [[nodiscard]] asio::awaitable<Back> call(std::string, std::uint16_t, std::string service,
        std::string method, json::object fields, std::chrono::milliseconds limit) override
    {
        calls.emplace_back(service + "." + method, std::move(fields));
        auto const app = std::string(calls.back().second.at("ins").at("app").as_string());
        if (app == silent) {
            ++unanswered;
            co_await pause(*clock, limit);
            --unanswered;
            throw Error(codes::agent_silent, "no answer");
        }
        if (!is_there) throw Error(codes::agent_unreachable, "nobody is there");
        Back back;
        back.flag = takes;
        back.error_info = takes ? "" : "[429.1] not now";
        co_return back;
    }
    std::optional<AppAddress> address = AppAddress{"10.0.0.9", 4000};
    bool is_there = true;
    bool takes = true;
    Clock* clock = nullptr;
    std::string silent;         ///< An app whose processor takes calls and answers none.
    std::size_t unanswered = 0; ///< Its calls under way.
    std::vector<std::pair<std::string, json::object>> calls;
};

struct House : TransitionsFixture {
    House()
    {
        processors.clock = &clock;
        start();
    }
    void start()
    {
        outbox = std::make_unique<ProcessorOutbox>(loop.get_executor(), store, clock, processors, processors);
        outbox->set_give_up(give_up);
        TransitionsFixture::start();
        on_finished = [this](Task const& task) { outbox->finished(task); };
        outbox->load();
        settle();
    }
    /// A task of mode `P` ends.
    void finish(std::uint64_t id, int flag = 1, std::string result = "fine", std::string app = "app")
    {
        auto task = sent_task(id, clock.now());
        task.ins.app = std::move(app);
        task.ins.mode = Mode::p;
        record(task);
        apply(id, life::Reported{said(flag, std::move(result))});
        settle();
    }
    std::int64_t owed() { return number("SELECT count(*) FROM deliveries"); }
    std::string word(std::string const& column)
    {
        auto row = store.db().run("SELECT " + column + " FROM tasks");
        return row.next() ? std::string(row.text(0)) : "";
    }
    std::chrono::seconds give_up = 24h;
    FakeProcessors processors;
    std::unique_ptr<ProcessorOutbox> outbox;
};

} // namespace

TEST_CASE("a result of mode P goes to its app's processor, once where that confirms it", "[outbox]")
{
    House house;
    house.finish(1, 0, "broken");
    REQUIRE(house.processors.calls.size() == 1);
    auto const& [method, fields] = house.processors.calls[0];
    CHECK(method == "processor.result");
    CHECK(fields.at("id").as_string() == TaskId(1).text());
    CHECK(fields.at("worker_flag").to_number<int>() == 0);
    CHECK(fields.at("worker_result").as_string() == "broken");
    CHECK(house.owed() == 0);
    CHECK(house.word("module_sync_flag") == "true");
    house.pass(300s);
    CHECK(house.processors.calls.size() == 1);
}

TEST_CASE("a result that is not confirmed goes again after 1 s, 2 s, 4 s and so on", "[outbox]")
{
    House house;
    house.processors.is_there = false;
    house.finish(1);
    CHECK(house.processors.calls.size() == 1);
    for (auto const pause : {1s, 2s, 4s}) {
        auto const before = house.processors.calls.size();
        house.pass(pause - 1s);
        CHECK(house.processors.calls.size() == before);
        house.pass(1s);
        CHECK(house.processors.calls.size() == before + 1);
    }
    CHECK(house.word("module_sync_flag") == "false");
    CHECK(house.word("module_sync_error") == "[410.1] nobody is there");
    house.processors.is_there = true;
    house.pass(8s);
    CHECK(house.owed() == 0);
    CHECK(house.word("module_sync_flag") == "true");
    CHECK(house.number("SELECT module_tries FROM tasks") == 5);
}

TEST_CASE("the pauses grow no longer than a minute", "[outbox]")
{
    House house;
    house.processors.takes = false;
    house.finish(1);
    house.pass(3600s);
    auto const before = house.processors.calls.size();
    house.pass(600s);
    CHECK(house.processors.calls.size() == before + 10);
}

TEST_CASE("after processor_give_up it is owed no more, and the log says what was wrong", "[outbox]")
{
    House house;
    house.give_up = 100s;
    house.start();
    house.processors.takes = false;
    house.finish(1);
    house.pass(99s);
    CHECK(house.owed() == 1);
    house.pass(100s);
    CHECK(house.owed() == 0);
    CHECK(house.word("module_sync_flag") == "false");
    CHECK(house.word("module_sync_error") == "[429.1] not now");
    auto const calls = house.processors.calls.size();
    house.pass(600s);
    CHECK(house.processors.calls.size() == calls);
}

TEST_CASE("what was owed when the server ended is delivered by the next one", "[outbox]")
{
    House house;
    house.processors.is_there = false;
    house.finish(1);
    house.processors.is_there = true;
    house.start();
    CHECK(house.processors.calls.size() == 2);
    CHECK(house.owed() == 0);
}

TEST_CASE("a delivery that the disk does not record is made again", "[outbox]")
{
    House house;
    house.processors.takes = false;
    house.finish(1);
    house.processors.takes = true;
    house.store.fail_next();
    house.pass(1s);
    CHECK(house.processors.calls.size() == 2);
    CHECK(house.owed() == 1);
    house.pass(2s);
    CHECK(house.processors.calls.size() == 3);
    CHECK(house.owed() == 0);
}

TEST_CASE("an app whose address is set later gets what is owed to it", "[outbox]")
{
    House house;
    house.processors.address.reset();
    house.finish(1);
    CHECK(house.processors.calls.empty());
    CHECK(house.word("module_sync_error").starts_with("[413.2]"));
    house.processors.address = AppAddress{"10.0.0.9", 4000};
    house.pass(1s);
    CHECK(house.owed() == 0);
}

TEST_CASE("a task of mode NP, and a firing that did not start, are not delivered", "[outbox]")
{
    House house;
    auto task = sent_task(1, house.clock.now());
    house.record(task);
    house.apply(1, life::Reported{said(1, "fine")});
    task = sent_task(2, house.clock.now());
    task.ins.mode = Mode::p;
    task.status = TaskStatus::skipped;
    task.end = house.clock.now();
    house.record(task);
    house.pass(10s);
    CHECK(house.processors.calls.empty());
    CHECK(house.owed() == 0);
}

TEST_CASE("an app with any number of results that nobody takes holds up no other app", "[outbox]")
{
    House house;
    house.processors.silent = "dead";
    for (std::uint64_t id = 1; id <= 1'500; ++id) house.finish(id, 1, "fine", "dead");
    CHECK(house.processors.unanswered == 32);
    house.finish(9'999, 1, "fine", "alive");
    CHECK(house.owed() == 1'500);
    CHECK(house.processors.unanswered == 32);

    house.start(); // with all of it owed from before
    house.finish(10'000, 1, "fine", "alive");
    CHECK(house.owed() == 1'500);
}

TEST_CASE("results that its processor refuses do not keep an app's others waiting", "[outbox]")
{
    House house;
    house.processors.takes = false;
    for (std::uint64_t id = 1; id <= 1'500; ++id) house.finish(id);
    house.processors.takes = true;
    house.finish(9'999);
    CHECK(house.owed() == 1'500);
    house.pass(60s);
    CHECK(house.owed() == 0);
}

TEST_CASE("once it stops, nothing more goes out and what is owed stays owed", "[outbox]")
{
    House house;
    house.processors.is_there = false;
    house.finish(1);
    house.outbox->stop();
    house.pass(300s);
    CHECK(house.processors.calls.size() == 1);
    CHECK(house.owed() == 1);
}
