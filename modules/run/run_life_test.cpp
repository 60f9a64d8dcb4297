#include "run_life.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Instant const now{1'000'000'000s};

/// Ten hosts in two waves of five, of which nothing has started.
RunFacts begun()
{
    RunFacts facts;
    facts.state = RunState::running;
    facts.why = RunWhy::none;
    facts.started = now;
    facts.waves = 2;
    facts.ready = 5;
    facts.held = facts.hosts = 10;
    return facts;
}

/// The first wave is over, `done` of it done.
RunFacts after_first(std::size_t done)
{
    auto facts = begun();
    facts.ready = 0;
    facts.held = 5;
    facts.done = facts.wave_done = done;
    facts.wave_ended = now;
    return facts;
}

} // namespace

TEST_CASE("a run waits for its time, starts then, and expires where it is too late", "[run]")
{
    RunFacts facts;
    facts.begin_at = now;
    RunLimits const limits;
    auto const before = decide(facts, limits, now - 1s);
    CHECK(before.state == RunState::pending);
    CHECK(before.again == now);
    CHECK(decide(facts, limits, now).state == RunState::running);
    CHECK(decide(facts, limits, now + 1h).state == RunState::running);
    CHECK(decide(facts, limits, now + 1h + 1ms).state == RunState::expired);
}

TEST_CASE("as many hosts start as parallel lets, and strict lets no more than may still fail", "[run]")
{
    auto facts = begun();
    RunLimits limits;
    limits.parallel = 3;
    limits.max_fail = 1;
    CHECK(decide(facts, limits, now).start == 3);
    facts.open = facts.wave_open = 2;
    CHECK(decide(facts, limits, now).start == 1);
    limits.is_strict = true;
    CHECK(decide(facts, limits, now).start == 0);
    facts.open = facts.wave_open = 1;
    CHECK(decide(facts, limits, now).start == 1);
    facts.failures = 1;
    CHECK(decide(facts, limits, now).start == 0);
    facts.open = facts.wave_open = 0;
    CHECK(decide(facts, limits, now).start == 1);
}

TEST_CASE("one failure more than is tolerated pauses at once, while others still run", "[run]")
{
    auto facts = begun();
    facts.open = facts.wave_open = 2;
    facts.failures = 1;
    auto const step = decide(facts, {}, now);
    CHECK(step.state == RunState::paused);
    CHECK(step.why == RunWhy::max_fail);
    CHECK(step.start == 0);
}

TEST_CASE("a run without a host left to start ends, it does not pause", "[run]")
{
    auto facts = begun();
    facts.ready = facts.held = 0;
    facts.wave = 1;
    facts.open = facts.wave_open = 1;
    facts.failures = 5;
    CHECK(decide(facts, {}, now).state == RunState::running);
    facts.open = facts.wave_open = 0;
    CHECK(decide(facts, {}, now).state == RunState::partial);
    facts.failures = 0;
    facts.done = 10;
    CHECK(decide(facts, {}, now).state == RunState::done);
    facts.state = RunState::paused;
    CHECK(decide(facts, {}, now).state == RunState::done);
}

TEST_CASE("the next wave comes after its pause, or when a person says so", "[run]")
{
    RunLimits limits;
    auto const facts = after_first(5);
    CHECK(decide(facts, limits, now).wave == 1);
    limits.pause = 60s;
    auto const waits = decide(facts, limits, now + 59s);
    CHECK(waits.wave == 0);
    CHECK(waits.again == now + 60s);
    CHECK(decide(facts, limits, now + 60s).wave == 1);
    limits.asks = true;
    auto const asks = decide(facts, limits, now);
    CHECK(asks.state == RunState::paused);
    CHECK(asks.why == RunWhy::wave);
}

TEST_CASE("a wave of which nobody is done lets no other through", "[run]")
{
    auto const step = decide(after_first(0), {}, now);
    CHECK(step.state == RunState::paused);
    CHECK(step.why == RunWhy::wave);
}

TEST_CASE("a wave waits for agents that are away", "[run]")
{
    auto facts = after_first(4);
    facts.away = 1;
    facts.held = 6;
    auto const step = decide(facts, {}, now);
    CHECK(step.state == RunState::running);
    CHECK(step.wave == 0);
    CHECK(step.start == 0);
}

TEST_CASE("behind its deadline a run starts nothing, and ends when what runs is through", "[run]")
{
    auto facts = begun();
    RunLimits limits;
    limits.deadline = 100s;
    facts.open = facts.wave_open = 1;
    CHECK(decide(facts, limits, now + 99s).again == now + 100s);
    auto const late = decide(facts, limits, now + 100s);
    CHECK(late.state == RunState::running);
    CHECK(late.start == 0);
    facts.open = facts.wave_open = 0;
    CHECK(decide(facts, limits, now + 100s).state == RunState::partial);
    facts.state = RunState::paused;
    CHECK(decide(facts, limits, now + 100s).state == RunState::partial);
}

TEST_CASE("stop and cancel end a run once nothing of it is open, whatever state it is in", "[run]")
{
    for (auto const state : {RunState::pending, RunState::running, RunState::paused}) {
        auto facts = begun();
        facts.state = state;
        facts.begin_at = now;
        facts.ending = RunEnding::stop;
        facts.open = facts.wave_open = 1;
        auto const waits = decide(facts, {}, now);
        CHECK(waits.state == state);
        CHECK(waits.start == 0);
        facts.open = facts.wave_open = 0;
        CHECK(decide(facts, {}, now).state == RunState::stopped);
        facts.ending = RunEnding::cancel;
        CHECK(decide(facts, {}, now).state == RunState::canceled);
    }
}

TEST_CASE("a run that stays paused is given up", "[run]")
{
    auto facts = begun();
    facts.state = RunState::paused;
    facts.why = RunWhy::person;
    facts.paused = now;
    CHECK(decide(facts, {}, now + 7 * 24h - 1s).state == RunState::paused);
    CHECK(decide(facts, {}, now + 7 * 24h).state == RunState::stopped);
    facts.open = 1;
    CHECK(decide(facts, {}, now + 7 * 24h).state == RunState::paused);
}

TEST_CASE("the worst case is what can have failed when the run pauses", "[run]")
{
    RunLimits limits;
    limits.max_fail = 2;
    limits.parallel = 10;
    CHECK(worst_of(100, limits) == 12);
    CHECK(worst_of(5, limits) == 5);
    limits.is_strict = true;
    CHECK(worst_of(100, limits) == 3);
}

TEST_CASE("whatever happens, no more fail than the worst case", "[run]")
{
    // Each way of luck through small runs: which of the open hosts ends next, and how.
    std::uint32_t luck = 1;
    auto const next = [&luck](std::uint32_t most) {
        luck = luck * 1664525U + 1013904223U;
        return (luck >> 16U) % most;
    };
    for (int round = 0; round < 3'000; ++round) {
        RunLimits limits;
        limits.parallel = 1 + next(5);
        limits.max_fail = next(4);
        limits.is_strict = next(2) == 1;
        RunFacts facts;
        facts.state = RunState::running;
        facts.hosts = facts.held = facts.ready = 1 + next(12);
        for (int i = 0; i < 100 && !is_final(facts.state) && facts.state != RunState::paused; ++i) {
            auto const step = decide(facts, limits, now);
            facts.state = step.state;
            facts.ready -= step.start;
            facts.held -= step.start;
            facts.open += step.start;
            facts.wave_open += step.start;
            if (facts.open == 0) continue;
            --facts.open;
            --facts.wave_open;
            if (next(3) == 0) {
                ++facts.failures;
            } else {
                ++facts.done;
                ++facts.wave_done;
            }
        }
        // What was open when it paused may fail, too.
        CHECK(facts.failures + facts.open <= worst_of(facts.hosts, limits));
    }
}
