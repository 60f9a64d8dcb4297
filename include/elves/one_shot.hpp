#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "elves/asio.hpp"
#include "elves/clock.hpp"

namespace elves {

/// A value that one coroutine waits for and another sets, once. A handle: copies share it. On the loop's
/// thread.
template <class T>
class OneShot {
public:
    /// The first call counts; later ones do nothing.
    void set(T value)
    {
        if (state_->value) return;
        state_->value = std::move(value);
        if (auto const waiter = state_->waiter.lock()) wake(*waiter);
    }

    /// The value, or nothing when `limit` is over first. One waiter at a time.
    [[nodiscard]] asio::awaitable<std::optional<T>> wait(Clock& clock, std::chrono::milliseconds limit)
    {
        auto const state = state_;
        if (state->value) co_return state->value;
        auto const executor = co_await asio::this_coro::executor;
        // The clock alone owns who waits: a clock that goes takes him with it. Were it the state, which the
        // waiting coroutine holds, the two would keep each other for ever.
        auto const timer = clock.after(limit, [waiter = state->new_waiter()] { wake(*waiter); });
        auto initiation = [state, executor](auto handler) {
            // Not by assignment: in Boost 1.81 that of any_completion_handler never ends.
            Waiter waiter([executor, handler = std::move(handler)]() mutable {
                asio::post(executor, std::move(handler));
            });
            if (auto const place = state->waiter.lock()) place->swap(waiter);
        };
        co_await asio::async_initiate<asio::use_awaitable_t<LoopExecutor> const, void()>(
            std::move(initiation), asio::use_awaitable);
        co_return state->value;
    }

    /// The value, however long it takes.
    [[nodiscard]] asio::awaitable<T> wait(Clock& clock)
    {
        constexpr std::chrono::hours for_long(24); // a clock wants a limit
        while (true) {
            auto value = co_await wait(clock, for_long);
            if (value) co_return std::move(*value);
        }
    }

    friend bool operator==(OneShot const& a, OneShot const& b) { return a.state_ == b.state_; }

private:
    using Waiter = asio::any_completion_handler<void()>;
    struct State {
        std::optional<T> value;
        std::weak_ptr<Waiter> waiter;
        [[nodiscard]] std::shared_ptr<Waiter> new_waiter()
        {
            auto place = std::make_shared<Waiter>();
            waiter = place;
            return place;
        }
    };
    static void wake(Waiter& waiter)
    {
        if (!waiter) return;
        Waiter once;
        once.swap(waiter);
        std::move(once)();
    }
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Nothing but the passing of time.
[[nodiscard]] inline asio::awaitable<void> pause(Clock& clock, std::chrono::milliseconds duration)
{
    OneShot<bool> never;
    co_await never.wait(clock, duration);
}

} // namespace elves
