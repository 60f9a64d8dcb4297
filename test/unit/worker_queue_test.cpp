#include "agent/worker_queue.hpp"

#include <map>
#include <vector>

#include "agent/tasks.hpp"
#include "agent_support.hpp"
#include "catch.hpp"

using namespace elves;
using namespace elves::agent;
using Ids = std::vector<std::uint64_t>;

namespace {

Account const ops{"ops", std::nullopt};
Account const web{"web", std::nullopt};
Account const root{"root", 0};
Account const nobody{};

/// A queue whose tasks are numbered.
struct Numbers {
    explicit Numbers(std::size_t max_workers) : queue(max_workers, 100) {}
    void add(Account const& account, int count)
    {
        for (; count > 0; --count) {
            accounts[++last] = account;
            queue.push_back(TaskId(last), account);
        }
    }
    /// Those that start now.
    Ids start()
    {
        Ids ids;
        while (auto const id = queue.pop()) {
            for (auto const& [number, account] : accounts) {
                if (TaskId(number) == *id) ids.push_back(number);
            }
        }
        return ids;
    }
    void end(std::uint64_t id) { queue.give_back_worker(accounts.at(id)); }

    WorkerQueue queue;
    std::map<std::uint64_t, Account> accounts;
    std::uint64_t last = 0;
};

} // namespace

TEST_CASE("one account holds half of the workers, and all limited ones leave the last to admins", "[agent]")
{
    Numbers tasks(8);
    tasks.add(ops, 10);
    CHECK(tasks.start() == Ids{1, 2, 3, 4});
    tasks.add(web, 10);
    CHECK(tasks.start() == Ids{11, 12, 13});
    tasks.add(root, 2);
    CHECK(tasks.start() == Ids{21});
    tasks.end(1);
    // The admin's next one has the next free worker, for it waits for its turn like the others.
    CHECK(tasks.start().size() == 1);
}

TEST_CASE("accounts take turns", "[agent]")
{
    Numbers tasks(1);
    tasks.add(ops, 3);
    tasks.add(web, 2);
    tasks.add(nobody, 1);
    Ids order;
    for (auto now = tasks.start(); !now.empty(); now = tasks.start()) {
        order.push_back(now.front());
        tasks.end(now.front());
    }
    CHECK(order == Ids{1, 4, 6, 2, 5, 3});
    CHECK(tasks.queue.busy() == 0);
}

TEST_CASE("an account's own number of workers counts, but never all of them", "[agent]")
{
    Numbers tasks(4);
    tasks.add({"ops", 1}, 2);
    CHECK(tasks.start() == Ids{1});
    tasks.add({"web", 100}, 5);
    CHECK(tasks.start() == Ids{3, 4});
    tasks.add(nobody, 1);
    CHECK(tasks.start() == Ids{8});
}

TEST_CASE("with one worker, or two, every account reaches one", "[agent]")
{
    Numbers one(1);
    one.add(ops, 1);
    CHECK(one.start() == Ids{1});
    Numbers two(2);
    two.add(ops, 2);
    CHECK(two.start() == Ids{1});
    two.add(web, 1);
    CHECK(two.start() == Ids{3});
}

TEST_CASE("the room for waiting tasks is divided likewise", "[agent]")
{
    WorkerQueue queue(1, 10);
    auto const fill = [&](Account const& account) {
        int count = 0;
        for (; !queue.refusal(account); ++count) queue.reserve(account);
        return count;
    };
    CHECK(fill(ops) == 5);
    CHECK(queue.refusal(ops)->find("key ops has 5 tasks waiting ([agent] max_queued is 10)") !=
          std::string::npos);
    CHECK(fill(web) == 4);
    CHECK(fill(root) == 1);
    CHECK(queue.refusal(nobody));
    for (int i = 0; i < 5; ++i) queue.release(ops);
    CHECK(fill(ops) == 5);
}

TEST_CASE("a task that is canceled in the queue, or could not start, keeps the count right", "[agent]")
{
    Numbers tasks(1);
    tasks.add(ops, 2);
    CHECK_FALSE(tasks.queue.can_start(ops));
    CHECK(tasks.start() == Ids{1});
    tasks.end(1);
    tasks.queue.push_front(TaskId(1), ops);
    CHECK(tasks.queue.erase(TaskId(1), ops));
    CHECK_FALSE(tasks.queue.erase(TaskId(1), ops));
    CHECK(tasks.start() == Ids{2});
    CHECK_FALSE(tasks.queue.can_start(web));
    tasks.end(2);
    CHECK(tasks.queue.can_start(web));
    CHECK(tasks.queue.busy() == 0);
}

TEST_CASE("one key's long tasks leave workers to the others, also after a crash", "[agent]")
{
    Machine machine;
    auto const instruct = [](House& house, std::uint64_t id, std::string const& account) {
        house.call("instruct", {{"id", TaskId(id).text()}, {"type", "async"}, {"account", account},
                                   {"ins", {{"app", "apptest"}, {"func", "echo"}}}});
    };
    {
        House house(machine.store, machine.io, machine.clock, {4, 10});
        for (std::uint64_t id = 1; id <= 5; ++id) instruct(house, id, "ops");
        CHECK(house.workers.started.size() == 2);
        instruct(house, 6, "web");
        CHECK(house.workers.started.back() == TaskId(6));
        house.workers.end(TaskId(1));
        house.settle();
        CHECK(house.workers.started.back() == TaskId(3));
    }
    House house(machine.store, machine.io, machine.clock, {4, 10});
    CHECK(house.workers.started == std::vector{TaskId(4), TaskId(5)});
    instruct(house, 7, "ops");
    instruct(house, 8, "web");
    CHECK(house.workers.started.back() == TaskId(8));
    CHECK(house.count("account = 'ops' AND stage = 'taken'") == 1);
}

TEST_CASE("a number of workers that is none is refused", "[agent]")
{
    Machine machine;
    House house(machine.store, machine.io, machine.clock);
    std::string error;
    house.call("instruct",
        {{"id", TaskId(1).text()}, {"type", "async"}, {"account", "ops"}, {"workers", -1},
            {"ins", {{"app", "apptest"}, {"func", "echo"}}}},
        &error);
    CHECK(error.starts_with("[403.10] `workers` is -1"));
}
