// What people do to runs: pause, resume, stop and cancel.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "run_records.hpp"
#include "runs.hpp"

namespace elves {

asio::awaitable<RunHead> Runs::steer(TaskId id, Steer what, std::optional<RunAmount> max_fail, Caller caller)
{
    auto const entry = entry_of(id);
    if (!entry) {
        auto const old = co_await find(id);
        if (!is_final(old->state))
            throw Error(codes::too_much,
                "run " + id.text() +
                    " is just being taken up after a start of the server; ask again in a moment");
        throw Error(codes::wrong_state,
            "run " + id.text() + " has ended: it is " + std::string(state_text(old->state)));
    }
    auto const turn = co_await entry->steering.enter(house_.clock);
    RunHead head = entry->run.run();
    bool const is_own = !caller.key || caller.by() == head.by || caller.may(Right::manage);
    if (!is_own)
        throw Error(codes::forbidden, "key " + caller.by() + " has no rights on run " + id.text() +
                                          ": its own key, or one with the right manage, steers it");
    if (caller.by() != head.by) {
        for (auto const& host : entry->run.run().hosts) caller.require(host.ip);
    }
    auto const refuse = [&](std::string const& why) {
        return Error(
            codes::wrong_state, "run " + id.text() + " is " + std::string(state_text(head.state)) + why);
    };
    auto const facts = entry->run.facts();
    auto const now = house_.clock.now();
    switch (what) {
    case Steer::pause:
        if (head.state != RunState::running || head.ending != RunEnding::none)
            throw refuse("; a running one can be paused");
        head.state = RunState::paused;
        head.why = RunWhy::person;
        head.paused = now;
        break;
    case Steer::resume: {
        if (head.state != RunState::paused || head.ending != RunEnding::none)
            throw refuse("; a paused one can be resumed");
        if (max_fail) head.max_fail = max_fail->of(head.host_count);
        if (facts.failures > head.max_fail)
            throw refuse(" with " + std::to_string(facts.failures) + " failures, and `max_fail` is " +
                         std::to_string(head.max_fail) + "; give a larger one");
        bool const is_wave_over = facts.ready + facts.away + facts.wave_open == 0;
        if (is_wave_over && head.wave + 1 < facts.waves) ++head.wave;
        head.state = RunState::running;
        head.why = RunWhy::none;
        head.paused.reset();
        break;
    }
    case Steer::stop:
    case Steer::cancel:
        if (is_final(head.state)) throw refuse("; it has ended");
        // Who has canceled it is not overruled by who only stops it.
        head.ending = std::max(head.ending, what == Steer::stop ? RunEnding::stop : RunEnding::cancel);
        break;
    }
    auto also = caller.also(id.text());
    co_await write_steering(entry, head, std::move(also));
    auto& run = entry->run.head();
    if (is_final(run.state)) throw Error(codes::wrong_state, "run " + id.text() + " has ended meanwhile");
    run.max_fail = head.max_fail;
    run.ending = head.ending;
    // Meanwhile the run has gone on: of its course only what this call is for is another.
    bool const pauses = what == Steer::pause && run.state == RunState::running;
    if (pauses || what == Steer::resume) {
        run.paused = head.paused;
        run.state = head.state;
        run.why = head.why;
    }
    if (what == Steer::resume && head.wave != run.wave) entry->run.begin_wave(head.wave);
    changed(entry);
    if (what == Steer::cancel) asio::co_spawn(house_.loop, cancel_open(entry), asio::detached);
    co_return entry->run.run();
}

/// Until it is on disk nothing starts and nothing else is written: or a host could start after the caller was
/// told of a pause, and an older state could be written behind the new one.
asio::awaitable<void> Runs::write_steering(EntryPtr entry, RunHead head, Store::Work also)
{
    auto const wanted = std::make_shared<RunHead const>(std::move(head));
    Store::Work write = [wanted](Db& db) {
        if (!run_records::update(db, *wanted))
            throw Error(codes::wrong_state, "run " + wanted->id.text() + " has ended meanwhile");
    };
    write = together(std::move(write), std::move(also));
    entry->is_steered = true;
    std::exception_ptr failure;
    try {
        // What was opened before has begun by then.
        co_await asio::post(house_.loop, asio::use_awaitable);
        co_await house_.store.write(std::move(write));
    } catch (...) {
        failure = std::current_exception();
    }
    entry->is_steered = false;
    pump_soon(entry);
    if (entry->has_unwritten) write_soon(entry);
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> Runs::cancel_open(EntryPtr entry)
{
    for (auto const task : entry->run.open_tasks()) {
        std::string fault;
        try {
            TaskEngine::AuditWrite const nothing;
            static_cast<void>(co_await house_.engine.cancel(task, nothing));
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
        if (!fault.empty())
            ELVES_LOG(warning, "run.task_not_canceled run=" << entry->run.run().id.text()
                                                            << " task=" << task.text() << " error=" << fault);
    }
}

} // namespace elves
