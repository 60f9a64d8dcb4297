#include "core/timer_heap.hpp"

#include <string>

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {
TimerHeap::Time const start{};
}

TEST_CASE("timers fire in the order of their deadlines, equal ones as they were added", "[timers]")
{
    TimerHeap timers;
    std::string fired;
    auto const c = timers.add(start + 3s, [&] { fired += 'c'; });
    auto const a = timers.add(start + 1s, [&] { fired += 'a'; });
    auto const b = timers.add(start + 1s, [&] { fired += 'b'; });
    CHECK(timers.earliest() == start + 1s);
    timers.run_due(start + 999ms);
    CHECK(fired.empty());
    timers.run_due(start + 1s);
    CHECK(fired == "ab");
    CHECK(timers.earliest() == start + 3s);
    timers.run_due(start + 10s);
    CHECK(fired == "abc");
    CHECK_FALSE(timers.earliest());
}

TEST_CASE("a timer that is dropped is gone at once", "[timers]")
{
    TimerHeap timers;
    auto const owned = std::make_shared<int>(1);
    auto timer = timers.add(start + 1s, [owned] { FAIL("it was stopped"); });
    timer.reset();
    CHECK(timers.size() == 0);
    CHECK(owned.use_count() == 1);
    timers.run_due(start + 2s);
}

TEST_CASE("a timer may stop the next, add one, or stop itself while it fires", "[timers]")
{
    TimerHeap timers;
    std::string fired;
    std::shared_ptr<void> first;
    std::shared_ptr<void> second;
    std::shared_ptr<void> added;
    first = timers.add(start + 1s, [&] {
        fired += '1';
        second.reset();
        first.reset();
        added = timers.add(start, [&] { fired += '+'; });
    });
    second = timers.add(start + 1s, [&] { fired += '2'; });
    auto const third = timers.add(start + 1s, [&] { fired += '3'; });
    timers.run_due(start + 1s);
    CHECK(fired == "13");
    timers.run_due(start + 1s);
    CHECK(fired == "13+");
}

TEST_CASE("what a timer owns may own other timers", "[timers]")
{
    TimerHeap timers;
    auto inner = timers.add(start + 1s, [] {});
    auto outer = timers.add(start + 1s, [inner] {});
    inner.reset();
    CHECK(timers.size() == 2);
    outer.reset();
    CHECK(timers.size() == 0);
}

TEST_CASE("a timer's owner may outlive the heap, and the heap be destroyed by a timer", "[timers]")
{
    auto timers = std::make_unique<TimerHeap>();
    bool fired = false;
    auto const timer = timers->add(start, [&] {
        fired = true;
        timers.reset();
    });
    auto const other = timers->add(start + 1h, [] {});
    timers->run_due(start);
    CHECK(fired);
}

TEST_CASE("after an exception the timers behind it are still due", "[timers]")
{
    TimerHeap timers;
    bool fired = false;
    auto const bad = timers.add(start, [] { throw std::runtime_error("no"); });
    auto const good = timers.add(start, [&] { fired = true; });
    CHECK_THROWS(timers.run_due(start));
    CHECK(timers.size() == 1);
    timers.run_due(start);
    CHECK(fired);
}
