#include "tasklog/tasklog.hpp"

#include "catch.hpp"
#include "support/fake_peer.hpp"
#include "support/fake_presence.hpp"
#include "support/json_of.hpp"
#include "support/module_driver.hpp"
#include "support/some_key.hpp"
#include "support/task_house.hpp"

using namespace elves;

namespace {

/// No app has a processor.
class NoProcessors final : public AppDirectory, public Dialer {
public:
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view) const override { return std::nullopt; }
    [[nodiscard]] asio::awaitable<Back> call(std::string, std::uint16_t, std::string, std::string,
        json::object, std::chrono::milliseconds) override
    {
        throw std::logic_error("nobody is called");
    }
};

/// Its tasks have the ids 1, 2, 3, …
struct House : TaskHouse {
    ~House() { drop_unfinished(); }
    void add(int count, std::size_t param_bytes)
    {
        for (; count > 0; --count) {
            auto task = sent_task(++last, clock.now());
            task.ins.param = std::string(param_bytes, 'x');
            task_records::insert(store.db(), task);
        }
    }
    static json::object ids(std::uint64_t first, std::uint64_t last)
    {
        json::array all;
        for (auto id = first; id <= last; ++id) all.emplace_back(TaskId(id).text());
        return {{"id", std::move(all)}};
    }
    json::array info(json::object const& fields)
    {
        return driver.call("gettaskbyids", fields).at("info").as_array();
    }

    std::uint64_t last = 0;
    FakePresence presence;
    NoProcessors none;
    Tasklog tasklog{loop.get_executor(), store, clock, Zone(), presence, none, none};
    ModuleDriver driver{tasklog, loop};
};

constexpr std::size_t mib = 1024 * 1024;

} // namespace

TEST_CASE("tasks by their ids come in the order of the ids, as often as each is asked for", "[tasklog]")
{
    House house;
    house.add(2, 1);
    std::string const one = TaskId(1).text(), two = TaskId(2).text(), none = TaskId(9).text();
    auto const reply = house.driver.call("gettaskbyids", {{"id", {two, none, one, two}}});
    auto const& info = reply.at("info").as_array();
    REQUIRE(info.size() == 3);
    CHECK(info[0].at("id") == json::value(two));
    CHECK(info[1].at("id") == json::value(one));
    CHECK(info[2] == info[0]);
    CHECK(reply.at("missing") == json::array{none});
    CHECK_FALSE(reply.contains("denied"));
}

TEST_CASE("more tasks by their ids than a frame should carry are refused, not held", "[tasklog]")
{
    House house;
    house.add(70, mib);
    CHECK(house.info(House::ids(1, 3)).size() == 3);
    CHECK(house.driver.refusal("gettaskbyids", House::ids(1, 70)) ==
          "[429.1] the answer is over 67108864 bytes; ask for fewer at a time");
    // Of those that a key may not see it is told so all the same.
    Caller const far{nullptr, some_key(Role::viewer, {"10.0.0.2"})};
    CHECK(house.driver.refusal("gettaskbyids", House::ids(1, 70), far).starts_with("[401.6]"));
}

TEST_CASE("a list of large tasks says where it goes on", "[tasklog]")
{
    House house;
    house.add(4, 400 * 1024);
    auto const first = house.driver.call("listtasks", {{"limit", 4}});
    CHECK(first.at("info").as_array().size() == 2);
    auto const second = house.driver.call("listtasks", {{"limit", 4}, {"after", first.at("next")}});
    CHECK(second.at("info").as_array().size() == 2);
    CHECK_FALSE(second.contains("next"));
}

namespace {

/// A House with an agent on a link, which reports firings.
struct FiringHouse : House {
    std::shared_ptr<FakePeer> come(std::string const& agent)
    {
        auto peer = std::make_shared<FakePeer>(loop.get_executor(), clock, agent);
        presence.come(Ip::parse(agent).value(), peer);
        return peer;
    }
    json::object firing(std::uint64_t id, json::object more = {})
    {
        json::object fields{{"id", TaskId(id).text()}, {"type", "cron"}, {"cron_id", TaskId(77).text()},
            {"fire_time", "2025-12-31 23:59:00"}, {"ins", {{"app", "app"}, {"func", "func"}}},
            {"info", {{"worker_flag", 1}, {"worker_result", "r"}, {"worker_costtime", 1}}}};
        for (auto& field : more) fields[field.key()] = std::move(field.value());
        return fields;
    }
    std::string refusal(json::object const& fields, std::shared_ptr<FakePeer> const& by)
    {
        return driver.refusal("agentasynclog", fields, {by, nullptr});
    }
    std::shared_ptr<FakePeer> first = come("10.0.0.1");
};

} // namespace

TEST_CASE("a reported firing with a dedup word is refused by name, the first time too", "[tasklog]")
{
    FiringHouse house;
    json::object const ins{{"app", "app"}, {"func", "func"}, {"dedup", "word"}};
    for (std::uint64_t id = 1; id <= 2; ++id) {
        CHECK(house.refusal(house.firing(id, {{"ins", ins}}), house.first)
                  .starts_with("[403.10] `ins.dedup` is \"word\"; "));
    }
}

TEST_CASE(
    "a reported firing of another decade, or of the day after tomorrow, is refused by name", "[tasklog]")
{
    FiringHouse house; // It is 2026-01-01 there.
    for (std::string const field : {"fire_time", "starttime"}) {
        for (std::string const time : {"1970-01-01 00:00:00", "0", "0000-01-01 00:00:00",
                 "2015-12-31 00:00:00", "2026-01-02 00:00:01", "9999-12-30 00:00:00", "253402214399999"}) {
            INFO(field << " " << time);
            CHECK(house.refusal(house.firing(1, {{field, time}}), house.first)
                      .starts_with("[403.10] `" + field + "` is \"" + time));
        }
    }
    CHECK(house.refusal(house.firing(1, {{"fire_time", "2026-01-01 23:59:59"}}), house.first).empty());
    CHECK(house.refusal(house.firing(2, {{"fire_time", "2016-01-05 00:00:00"}}), house.first).empty());
}

TEST_CASE("two firings reported at once under one id are one record, and no internal error", "[tasklog]")
{
    FiringHouse house;
    Caller const caller{house.first, nullptr};
    auto const* const report = house.driver.table.find("agentasynclog");
    std::vector<std::exception_ptr> ends;
    for (auto const* const time : {"2025-12-31 23:58:00", "2025-12-31 23:59:00"}) {
        asio::co_spawn(house.loop,
            reply_of(report->run(json_of(house.firing(1, {{"fire_time", time}})).root(), caller)),
            [&ends](std::exception_ptr failure, Reply const&) { ends.push_back(std::move(failure)); });
    }
    house.driver.run();
    REQUIRE(ends.size() == 2);
    CHECK_FALSE(ends[0]);
    CHECK_FALSE(ends[1]);
    CHECK(house.info(House::ids(1, 1)).at(0).at("starttime") == "2025-12-31 23:58:00");
}

TEST_CASE(
    "a firing under the id of another agent's task is refused, also where both come at once", "[tasklog]")
{
    FiringHouse house;
    auto const second = house.come("10.0.0.2");
    auto const* const report = house.driver.table.find("agentasynclog");
    std::vector<std::string> ends;
    for (auto const& by : {house.first, second}) {
        asio::co_spawn(house.loop,
            reply_of(report->run(
                json_of(house.firing(1, {{"cron_id", TaskId(by == second ? 78 : 77).text()}})).root(),
                {by, nullptr})),
            [&ends](std::exception_ptr const& failure, Reply const&) {
                try {
                    if (failure) std::rethrow_exception(failure);
                    ends.emplace_back();
                } catch (Error const& error) {
                    ends.push_back(error.info());
                }
            });
    }
    house.driver.run();
    REQUIRE(ends.size() == 2);
    CHECK(ends[0].empty());
    CHECK(ends[1].starts_with("[401.6]"));
}

TEST_CASE("a firing is taken whatever apps the agent's key has: its job is what counts", "[tasklog]")
{
    FiringHouse house;
    auto key = std::make_shared<Key>(*some_key(Role::agent));
    key->apps = {};
    auto const refusal = house.driver.refusal("agentasynclog", house.firing(1), {house.first, key});
    CHECK(refusal.empty());
    CHECK(house.info(House::ids(1, 1)).at(0).at("status") == "done");
}

TEST_CASE("the start of an own run makes it a task, and its result ends that", "[tasklog]")
{
    FiringHouse house;
    json::object const start{{"status", "running"}, {"info", json::object()}};
    CHECK(house.refusal(house.firing(1, start), house.first).empty());
    auto const status = [&] { return house.info(House::ids(1, 1)).at(0).at("status"); };
    CHECK(status() == "running");
    CHECK(house.tasklog.engine().open_of(*Ip::parse("10.0.0.1")).size() == 1);
    CHECK(house.refusal(house.firing(1, start), house.first).empty()); // It comes twice.
    CHECK(status() == "running");
    bool const is_replaced = GENERATE(false, true);
    json::object const end = is_replaced ? json::object{{"status", "canceled"}} : json::object();
    CHECK(house.refusal(house.firing(1, end), house.first).empty());
    CHECK(status() == (is_replaced ? "canceled" : "done"));
    CHECK(house.info(House::ids(1, 1)).at(0).at("worker_message") == "r");
    CHECK(house.refusal(house.firing(1, start), house.first).empty()); // It comes late.
    CHECK(status() == (is_replaced ? "canceled" : "done"));
    CHECK(house.tasklog.engine().open_of(*Ip::parse("10.0.0.1")).empty());
}

TEST_CASE("the start and the result of an own run that come at once are one task that is over", "[tasklog]")
{
    FiringHouse house;
    auto const* const report = house.driver.table.find("agentasynclog");
    for (bool const is_start : {true, false}) {
        auto const more =
            is_start ? json::object{{"status", "running"}, {"info", json::object()}} : json::object();
        asio::co_spawn(house.loop,
            reply_of(report->run(json_of(house.firing(1, more)).root(), {house.first, nullptr})),
            [](std::exception_ptr const& failure, Reply const&) { CHECK_FALSE(failure); });
    }
    house.driver.run();
    CHECK(house.info(House::ids(1, 1)).at(0).at("status") == "done");
}

TEST_CASE("a firing of the server's that has not started gives way to the agent's own start", "[tasklog]")
{
    FiringHouse house;
    // The agent's journal has that time.
    house.first->answer = [](FakePeer::Sent const&) { return Back{false, "[403.10] started before", {}}; };
    auto const time = Zone().parse("2025-12-31 23:59:00").value();
    auto task = sent_task(5, time);
    task.cron_id = TaskId(77);
    task.fire_time = time;
    task.from = "cron";
    task.agent = *Ip::parse("10.0.0.1");
    task.type = TaskType::cron;
    task.status = GENERATE(TaskStatus::waiting, TaskStatus::undelivered);
    if (is_final(task.status)) task.end = time;
    bool has_recorded = false;
    asio::co_spawn(house.loop, house.tasklog.engine().record(task, {}),
        [&](std::exception_ptr const& failure, TaskEngine::Recorded const&) { has_recorded = !failure; });
    house.driver.run();
    REQUIRE(has_recorded);
    CHECK(house.refusal(house.firing(1), house.first).empty());
    auto const info = house.info({{"id", {TaskId(5).text(), TaskId(1).text()}}});
    REQUIRE(info.size() == 2);
    CHECK(info.at(0).at("status") == "skipped");
    CHECK(info.at(0).at("agent_sync_error") ==
          json::value("skipped: the agent had started this time itself (task " + TaskId(1).text() + ")"));
    CHECK(info.at(1).at("status") == "done");
    CHECK(house.tasklog.engine().open_of(*Ip::parse("10.0.0.1")).empty());
}

TEST_CASE("an own start that overtakes the answer to the same time's hand-over is taken when it is repeated",
    "[tasklog]")
{
    FiringHouse house;
    auto task = sent_task(5, Zone().parse("2025-12-31 23:59:00").value());
    task.cron_id = TaskId(77);
    task.fire_time = task.start;
    task.from = "cron";
    task.agent = *Ip::parse("10.0.0.1");
    task.type = TaskType::cron;
    task.status = TaskStatus::waiting;
    asio::co_spawn(house.loop, house.tasklog.engine().record(task, {}),
        [](std::exception_ptr const& failure, TaskEngine::Recorded const&) { CHECK_FALSE(failure); });
    house.driver.run();
    CHECK(house.refusal(house.firing(1), house.first).starts_with("[429.1]"));
    REQUIRE(house.first->reply(Back{false, "[403.10] started before", {}}));
    house.driver.run();
    CHECK(house.refusal(house.firing(1), house.first).empty());
    auto const info = house.info({{"id", {TaskId(5).text(), TaskId(1).text()}}});
    REQUIRE(info.size() == 2);
    CHECK(info.at(0).at("status") == "skipped");
    CHECK(info.at(1).at("status") == "done");
}

TEST_CASE("what an agent skipped again and again for the same reason shares one record", "[tasklog]")
{
    FiringHouse house;
    auto const skip = [&](std::uint64_t id) {
        auto const time = "2025-12-31 23:59:" + std::to_string(10 + id);
        json::object const more{{"status", "skipped"}, {"fire_time", time},
            {"info", {{"worker_flag", -1}, {"worker_result", "skipped: it is still going on"}}}};
        CHECK(house.refusal(house.firing(id, more), house.first).empty());
    };
    for (std::uint64_t id = 1; id <= 9; ++id) skip(id);
    skip(9); // Its confirmation was lost.
    auto const list = house.driver.call("listtasks", {{"cron_id", TaskId(77).text()}}).at("info").as_array();
    REQUIRE(list.size() == 3);
    CHECK(list.at(0).at("count") == "7");
}
