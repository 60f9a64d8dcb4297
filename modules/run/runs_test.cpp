#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "catch.hpp"
#include "run/run_records.hpp"
#include "support/run_house.hpp"

using namespace elves;
using namespace std::chrono_literals;

TEST_CASE("a run starts its hosts as parallel lets, each once, and is done", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"parallel", 2}});
    CHECK(house.states(id) == "running running held held held");
    for (int i = 0; i < 3; ++i) house.end_open(TaskStatus::done);
    CHECK(house.states(id) == "done done done done done");
    CHECK(house.run(id).state == RunState::done);
    CHECK(house.engine.tasks().size() == 5);
}

TEST_CASE("the counts of a run that goes on are those of its hosts' states", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"parallel", 2}, {"max_fail", 5}});
    auto const counts = [&] { return house.runs->counts_of(house.run(id)); };
    CHECK(counts() == Runs::Counts{{"running", 2}, {"held", 3}});
    house.end_open(TaskStatus::failed);
    CHECK(counts() == Runs::Counts{{"failed", 2}, {"running", 2}, {"held", 1}});
    house.start();
    CHECK(counts() == Runs::Counts{{"failed", 2}, {"running", 2}, {"held", 1}});
    house.of(house.runs->steer(id, Runs::Steer::stop, std::nullopt, Caller{}));
    house.end_open(TaskStatus::done);
    CHECK(counts() == Runs::Counts{{"failed", 2}, {"done", 2}, {"not_started", 1}});
}

TEST_CASE("watchrun reports each ended host once, at most a thousand per answer", "[run]")
{
    RunHouse house;
    house.targets.hosts.clear();
    constexpr int hosts = 2'500;
    for (int number = 1; number <= hosts; ++number) {
        house.targets.hosts.push_back(host_ip(number));
        house.come(number);
    }
    auto const id = house.begin({{"waves", "2499,1"}, {"pause", 60}, {"parallel", "10000"}});
    house.end_open(TaskStatus::done);
    std::set<Ip> told;
    std::uint64_t since = 1;
    for (auto const count : {1'000U, 1'000U, 499U}) {
        auto const news = house.of(house.runs->watch(id, since));
        CHECK(news.ended.size() == count);
        for (auto const& [ip, state] : news.ended) told.insert(ip);
        since = news.seq;
    }
    CHECK(told.size() == 2'499);
}

TEST_CASE("a host whose task can't be recorded for the moment is started later", "[run]")
{
    RunHouse house;
    house.engine.refuse(codes::too_much);
    auto const id = house.begin();
    CHECK(house.states(id) == "held held held held held");
    house.engine.refuse(std::nullopt);
    house.wait(2s);
    CHECK(house.states(id) == "running running running running running");
}

TEST_CASE("where a start can't succeed the run pauses and keeps its hosts", "[run]")
{
    RunHouse house;
    house.engine.refuse(codes::no_app);
    auto const id = house.begin();
    CHECK(house.run(id).state == RunState::paused);
    CHECK(house.run(id).why == RunWhy::person);
    CHECK(house.states(id) == "held held held held held");
}

TEST_CASE("a disk that takes no task starts no host, and takes the run up when it can", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"waves", "1"}, {"pause", 5}});
    house.store.fail_all(true);
    house.end_open(TaskStatus::done);
    house.wait(5s);
    CHECK(house.states(id) == "done held held held held");
    house.store.fail_all(false);
    house.wait(4s);
    CHECK(house.states(id) == "done running held held held");
}

TEST_CASE("after a restart a run goes on, though the log can't be read at first", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"waves", "2"}});
    for (auto const task : house.engine.open_all()) house.engine.set_status(task, TaskStatus::done);
    house.engine.fail_finds(2);
    house.start();
    house.wait(2s);
    house.wait(2s);
    house.wait(2s);
    CHECK(house.states(id) == "done done running running held");
    house.end_open(TaskStatus::done);
    house.end_open(TaskStatus::done);
    CHECK(house.run(id).state == RunState::done);
    CHECK(house.engine.tasks().size() == 5);
}

TEST_CASE("after a restart a task whose agent has not heard of its cancel has ended for its run", "[run]")
{
    RunHouse house;
    auto const id = house.begin();
    for (auto const task : house.engine.open_all()) house.engine.cancel_unheard(task);
    house.start();
    CHECK(house.states(id) == "canceled canceled canceled canceled canceled");
    CHECK(house.run(id).state == RunState::partial);
}

TEST_CASE("after a restart an agent that was there before has time to come back", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"waves", "1,100%"}});
    house.presence.go(host_ip(2));
    house.start();
    house.end_open(TaskStatus::done);
    CHECK(house.states(id) == "done held running running running");
    house.come(2);
    house.turn();
    CHECK(house.states(id) == "done running running running running");
}

TEST_CASE("an agent has its time to come back after a start, wherever the clock was set", "[run]")
{
    RunHouse house;
    house.agents.last_heard = house.clock.now();
    house.presence.go(host_ip(2));
    // The agents were last heard at a time that is still to come.
    house.clock.jump(house.clock.now() - 1h);
    house.start();
    auto const id = house.begin();
    CHECK(house.states(id) == "running held running running running");
    SECTION("it comes")
    {
        house.clock.jump(house.clock.now() + 2h);
        house.wait(29s);
        CHECK(house.states(id) == "running held running running running");
        house.come(2);
        house.turn();
        CHECK(house.states(id) == "running running running running running");
    }
    SECTION("it does not, and nobody waits any longer")
    {
        house.clock.jump(house.clock.now() - 2h);
        house.wait(30s);
        CHECK(house.engine.tasks().size() == 5);
    }
}

TEST_CASE("who has registered since the start and is gone is on no way back", "[run]")
{
    RunHouse house;
    house.presence.go(host_ip(2));
    house.agents.registered.insert(host_ip(2));
    house.start();
    house.begin();
    CHECK(house.engine.tasks().size() == 5);
}

TEST_CASE("a host that is away under ttl is started when it is back, and expires when it is not", "[run]")
{
    RunHouse house;
    house.presence.go(host_ip(1));
    house.presence.go(host_ip(2));
    auto const id = house.begin({{"ttl", 60}});
    CHECK(house.states(id) == "held held running running running");
    house.come(2);
    house.turn();
    CHECK(house.states(id) == "held running running running running");
    house.wait(60s);
    CHECK(house.states(id) == "expired running running running running");
    house.end_open(TaskStatus::done);
    CHECK(house.run(id).state == RunState::partial);
}

TEST_CASE("hosts that expire together fail no faster than parallel lets them", "[run]")
{
    RunHouse house;
    for (int const number : {1, 2, 3}) house.presence.go(host_ip(number));
    auto const id = house.begin({{"ttl", 60}, {"parallel", 1}, {"silent", "fail"}});
    house.end_open(TaskStatus::done);
    house.end_open(TaskStatus::done);
    house.wait(60s);
    CHECK(house.states(id) == "expired held held done done");
    CHECK(house.run(id).why == RunWhy::max_fail);
}

TEST_CASE("a host whose start was refused for the moment keeps its ttl", "[run]")
{
    RunHouse house;
    house.engine.refuse(codes::too_much);
    auto const id = house.begin({{"ttl", 60}});
    house.engine.refuse(std::nullopt);
    house.presence.go(host_ip(1));
    house.wait(2s);
    CHECK(house.states(id) == "held running running running running");
    house.wait(60s);
    CHECK(house.states(id) == "expired running running running running");
}

TEST_CASE("the ttl of a host begins once, though its agent comes and goes again", "[run]")
{
    RunHouse house;
    house.presence.go(host_ip(1));
    auto const id = house.begin({{"ttl", 60}, {"max_fail", 5}});
    house.end_open(TaskStatus::done);
    house.engine.refuse(codes::too_much);
    house.come(1);
    house.turn();
    house.presence.go(host_ip(1));
    house.wait(30s);
    CHECK(house.states(id) == "held done done done done");
    house.engine.refuse(std::nullopt);
    house.wait(30s);
    CHECK(house.states(id) == "expired done done done done");
}

TEST_CASE("of two that steer one run at once neither undoes what the other was told", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"waves", "2"}});
    std::optional<RunState> first, second;
    auto const steer = [&](Runs::Steer what, std::optional<RunState>& state) {
        asio::co_spawn(house.loop, house.runs->steer(id, what, std::nullopt, Caller{}),
            [&state](std::exception_ptr const& failure, RunHead const& run) {
                if (!failure) state = run.state;
            });
    };
    SECTION("a stop and a pause")
    {
        steer(Runs::Steer::stop, first);
        steer(Runs::Steer::pause, second);
        house.turn();
        CHECK(first);
        CHECK_FALSE(second);
        house.end_open(TaskStatus::done);
        CHECK(house.run(id).state == RunState::stopped);
    }
    SECTION("a cancel and a stop")
    {
        steer(Runs::Steer::cancel, first);
        steer(Runs::Steer::stop, second);
        house.turn();
        CHECK(first);
        CHECK(house.run(id).state == RunState::canceled);
    }
}

TEST_CASE("a run that goes on to its next wave while it is paused stays there", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"waves", "2"}});
    asio::co_spawn(
        house.loop, house.runs->steer(id, Runs::Steer::pause, std::nullopt, Caller{}), asio::detached);
    for (auto const task : house.engine.open_all()) house.engine.finish(task, TaskStatus::done);
    house.turn();
    auto const run = house.run(id);
    CHECK(run.state == RunState::paused);
    CHECK(house.states(id).starts_with("done done"));
    CHECK((run.wave == 1) == house.states(id).ends_with("running running held"));
}

TEST_CASE("hosts are spread so that neighbours differ where possible", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"order", "spread:idc"}, {"parallel", 1}});
    std::string order;
    for (auto const& host : house.run(id).hosts) order += std::to_string(host.ip.text().back() % 2);
    CHECK(order == "10101");
}

TEST_CASE("how the hosts of a run did is read with a list of runs once it has ended", "[run]")
{
    RunHouse house;
    auto const id = house.begin({{"max_fail", 5}});
    auto const listed = [&] {
        std::vector<RunHead> found;
        house.store.at_start([&](Db& db) { found = run_records::list(db, {}); });
        return found;
    };
    CHECK(listed().at(0).counts.empty());
    house.end_one(TaskStatus::failed);
    house.end_open(TaskStatus::done);
    CHECK(house.run(id).state == RunState::partial);
    CHECK(listed().at(0).counts == std::map<std::string, std::size_t>{{"done", 4}, {"failed", 1}});
}
