#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "manual_clock.hpp"
#include "support/inline_store.hpp"
#include "tasklog/task_transitions.hpp"
#include "tasklog_schema.hpp"

namespace elves {

/// What a coroutine comes to, once it does.
template <class T>
class Awaited {
public:
    [[nodiscard]] bool is_there() const { return state_->value || state_->failure; }
    /// Throws what the coroutine threw.
    [[nodiscard]] T const& get() const
    {
        if (state_->failure) std::rethrow_exception(state_->failure);
        if (!state_->value) throw std::logic_error("it is not there yet");
        return *state_->value;
    }
    /// Its `[CODE] text`; "" where it did not throw.
    [[nodiscard]] std::string refusal() const
    {
        try {
            static_cast<void>(get());
            return "";
        } catch (Error const& error) {
            return error.info();
        }
    }

private:
    friend struct TaskHouse;
    struct State {
        std::optional<T> value;
        std::exception_ptr failure;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A disk in memory, with a loop and a clock that are run by hand. Time begins on 2026-01-01 at 00:00:00
/// UTC.
struct TaskHouse {
    TaskHouse() { store.migrate("tasklog", tasklog_schema); }

    /// As far as it goes without time.
    void settle()
    {
        loop.restart();
        loop.poll();
    }
    /// Second by second.
    void pass(std::chrono::seconds time)
    {
        settle();
        for (; time.count() > 0; --time) {
            clock.advance(std::chrono::seconds(1));
            settle();
        }
    }
    /// It begins when the loop turns next.
    template <class T>
    Awaited<T> spawn(asio::awaitable<T> work)
    {
        Awaited<T> awaited;
        asio::co_spawn(loop, std::move(work), [state = awaited.state_](std::exception_ptr failure, T value) {
            state->failure = failure;
            if (!failure) state->value = std::move(value);
        });
        return awaited;
    }
    template <class T>
    Awaited<T> spawn(Later<T> work)
    {
        return spawn(wait_for(std::move(work)));
    }
    template <class T>
    Awaited<T> begin(Later<T> work)
    {
        return begin(wait_for(std::move(work)));
    }
    template <class T>
    T run(Later<T> work)
    {
        return begin(std::move(work)).get();
    }
    template <class T>
    Awaited<T> begin(asio::awaitable<T> work)
    {
        auto awaited = spawn(std::move(work));
        settle();
        return awaited;
    }
    /// Of one that needs no time.
    template <class T>
    T run(asio::awaitable<T> work)
    {
        return begin(std::move(work)).get();
    }
    /// The one number that `sql` asks for.
    std::int64_t number(std::string const& sql)
    {
        auto row = store.db().run(sql);
        return row.next() ? row.number(0) : -1;
    }

    /// Destroys what is still under way, as at the end of a server: before what it refers to. In the
    /// destructor of whoever has that.
    void drop_unfinished()
    {
        clock.drop_timers();
        loop_.reset();
    }

private:
    std::unique_ptr<asio::io_context> loop_ = std::make_unique<asio::io_context>();

public:
    asio::io_context& loop = *loop_;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
};

/// A task as the engine records it: of 10.0.0.1, just sent.
inline Task sent_task(std::uint64_t id, Instant now)
{
    Task task;
    task.id = TaskId(id);
    task.agent = Ip::parse("10.0.0.1").value();
    task.ins.app = "app";
    task.ins.func = "func";
    task.ins.timeout = std::chrono::seconds(60);
    task.start = now;
    task.sent = now;
    return task;
}

inline WorkerReport said(int flag, std::string result)
{
    WorkerReport report;
    report.flag = flag;
    report.result = std::move(result);
    return report;
}

} // namespace elves
