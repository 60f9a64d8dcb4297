#include "run/run_gate.hpp"

#include "catch.hpp"
#include "support/run_house.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

StartWindow closed_for(RunHouse const& house, std::chrono::seconds time, std::string target = "all")
{
    StartWindow window;
    window.name = "freeze";
    window.target = std::move(target);
    window.from = Zone().text(house.clock.now() - 1h);
    window.to = Zone().text(house.clock.now() + time);
    return window;
}

StartCap cap(std::size_t most, std::string per = "all")
{
    StartCap cap;
    cap.name = "few";
    cap.target = "all";
    cap.most = most;
    cap.per = std::move(per);
    return cap;
}

} // namespace

TEST_CASE("hosts of a run stay held while a window is closed for them, and start when it opens", "[gate]")
{
    RunHouse house;
    house.set(closed_for(house, 300s, "10.0.0.2"));
    auto const id = house.begin();
    CHECK(house.states(id) == "running held running running running");
    CHECK(house.run(id).hosts[1].waits_for == "window freeze");
    house.end_open(TaskStatus::done);
    house.wait(299s);
    CHECK(house.states(id) == "done held done done done");
    CHECK(house.run(id).state == RunState::running);
    house.wait(2s);
    CHECK(house.states(id) == "done running done done done");
    CHECK(house.run(id).hosts[1].waits_for.empty());
}

TEST_CASE("a window holds back the apps that it names, and no others", "[gate]")
{
    RunHouse house;
    auto window = closed_for(house, 300s);
    window.apps.entries = {"nginx", "demo.other"};
    house.set(window);
    CHECK(house.states(house.begin()) == "running running running running running");
    window.apps.entries = {"demo.wo*"};
    house.set(window);
    CHECK(house.states(house.begin()) == "held held held held held");
}

TEST_CASE("a window that is deleted or changed lets start what it held back", "[gate]")
{
    RunHouse house;
    house.set(closed_for(house, 300s));
    auto const id = house.begin();
    CHECK(house.states(id) == "held held held held held");
    house.set(closed_for(house, 300s, "10.0.0.1"));
    CHECK(house.states(id) == "held running running running running");
    house.did(house.gate->erase_window("freeze", {}));
    house.turn();
    CHECK(house.states(id) == "running running running running running");
    CHECK_THROWS_WITH(house.did(house.gate->erase_window("freeze", {})),
        Catch::Matchers::StartsWith("there is no window freeze"));
}

TEST_CASE("windows and caps hold after a restart", "[gate]")
{
    RunHouse house;
    house.set(closed_for(house, 300s, "10.0.0.5"));
    house.set(cap(2));
    auto const id = house.begin();
    CHECK(house.states(id) == "running running held held held");
    house.start();
    CHECK(house.states(id) == "running running held held held");
    house.end_one(TaskStatus::done);
    CHECK(house.states(id) == "done running running held held");
    house.end_one(TaskStatus::done);
    CHECK(house.states(id) == "done done running running held");
    house.end_open(TaskStatus::done);
    CHECK(house.states(id) == "done done done done held");
    house.wait(331s);
    CHECK(house.states(id) == "done done done done running");
}

TEST_CASE("a cap lets no more tasks run at once than it says, in all runs together", "[gate]")
{
    RunHouse house;
    house.set(cap(3));
    auto const first = house.begin({{"parallel", 2}});
    auto const second = house.begin();
    CHECK(house.states(first) == "running running held held held");
    CHECK(house.states(second) == "running held held held held");
    std::size_t most = 0;
    for (int i = 0; i < 20 && !house.engine.open_all().empty(); ++i) {
        most = std::max(most, house.engine.open_all().size());
        house.end_one(TaskStatus::done);
    }
    CHECK(most == 3);
    CHECK(house.run(first).state == RunState::done);
    CHECK(house.run(second).state == RunState::done);
}

TEST_CASE("a cap per field counts the hosts of each of its values apart", "[gate]")
{
    RunHouse house;
    // Two values: odd and even addresses.
    house.set(cap(1, "idc"));
    auto const id = house.begin();
    CHECK(house.states(id) == "running running held held held");
    house.end_one(TaskStatus::done);
    CHECK(house.states(id) == "done running running held held");
    house.end_open(TaskStatus::done);
    CHECK(house.states(id) == "done done done running running");
}

TEST_CASE("a cap per host lets every host run one", "[gate]")
{
    RunHouse house;
    house.set(cap(1, "host"));
    auto const first = house.begin();
    auto const second = house.begin();
    CHECK(house.states(first) == "running running running running running");
    CHECK(house.states(second) == "held held held held held");
    house.end_one(TaskStatus::done);
    CHECK(house.states(second) == "running held held held held");
}

TEST_CASE("what runs already when a cap is set counts, and a larger one lets more start", "[gate]")
{
    RunHouse house;
    auto const first = house.begin({{"parallel", 3}});
    house.set(cap(3));
    auto const second = house.begin();
    CHECK(house.states(second) == "held held held held held");
    house.set(cap(4));
    CHECK(house.states(second) == "running held held held held");
    house.did(house.gate->erase_cap("few", {}));
    house.turn();
    CHECK(house.states(second) == "running running running running running");
    CHECK(house.states(first) == "running running running held held");
}

TEST_CASE("what the disk does not take is no window and no cap", "[gate]")
{
    RunHouse house;
    house.store.fail_all(true);
    CHECK_THROWS(house.set(closed_for(house, 300s)));
    CHECK_THROWS(house.set(cap(1)));
    house.store.fail_all(false);
    CHECK(house.states(house.begin()) == "running running running running running");
}

TEST_CASE("a run that is held back by the gate ends at its deadline", "[gate]")
{
    RunHouse house;
    house.set(closed_for(house, 3'000s, "10.0.0.2"));
    auto const id = house.begin({{"deadline", 60}});
    house.end_open(TaskStatus::done);
    house.wait(61s);
    CHECK(house.states(id) == "done not_started done done done");
    CHECK(house.run(id).state == RunState::partial);
    CHECK(house.run(id).hosts[1].waits_for.empty());
}

TEST_CASE("a cap that is set anew counts what is being started just then", "[gate]")
{
    RunHouse house;
    Instruction ins;
    ins.app = "demo";
    ins.func = "work";
    house.set(cap(1));
    // Its task is not in the log yet.
    auto const task = house.engine.next_id();
    house.gate->begun(task, host_ip(1), ins);
    house.set(cap(1));
    CHECK(house.gate->obstacle(host_ip(2), ins));
    house.gate->ended(task);
    CHECK_FALSE(house.gate->obstacle(host_ip(2), ins));
}

TEST_CASE(
    "the windows that are closed at a moment are named, each with the hosts that it holds back", "[gate]")
{
    RunHouse house;
    house.set(closed_for(house, 300s, "10.0.0.2"));
    auto other = closed_for(house, 300s);
    other.name = "other-app";
    other.apps.entries = {"nginx"};
    house.set(other);
    std::vector<Ip> const hosts{host_ip(1), host_ip(2), host_ip(3)};
    Instruction ins;
    ins.app = "demo";
    ins.func = "work";
    auto const now = house.of(house.gate->closed_for(hosts, ins, house.clock.now()));
    REQUIRE(now.size() == 1);
    CHECK(now[0].name == "freeze");
    CHECK(now[0].hosts == std::vector<Ip>{host_ip(2)});
    CHECK(now[0].until == house.clock.now() + 300s);
    CHECK(house.of(house.gate->closed_for(hosts, ins, house.clock.now() + 301s)).empty());
    ins.app = "nginx";
    CHECK(house.of(house.gate->closed_for(hosts, ins, house.clock.now())).size() == 2);
}
