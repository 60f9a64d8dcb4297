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
        state_->wake();
    }

    /// The value, or nothing when `limit` is over first. One waiter at a time.
    [[nodiscard]] asio::awaitable<std::optional<T>> wait(Clock& clock, std::chrono::milliseconds limit)
    {
        auto const state = state_;
        if (state->value) co_return state->value;
        auto const executor = co_await asio::this_coro::executor;
        auto const timer = clock.after(limit, [weak = std::weak_ptr(state)] {
            if (auto const waiting = weak.lock()) waiting->wake();
        });
        auto initiation = [state, executor](auto handler) {
            // Not by assignment: in Boost 1.81 that of any_completion_handler never ends.
            asio::any_completion_handler<void()> waiter([executor, handler = std::move(handler)]() mutable {
                asio::post(executor, std::move(handler));
            });
            state->waiter.swap(waiter);
        };
        co_await asio::async_initiate<asio::use_awaitable_t<> const, void()>(
            std::move(initiation), asio::use_awaitable);
        co_return state->value;
    }

    friend bool operator==(OneShot const& a, OneShot const& b) { return a.state_ == b.state_; }

private:
    struct State {
        std::optional<T> value;
        asio::any_completion_handler<void()> waiter;
        void wake()
        {
            if (!waiter) return;
            asio::any_completion_handler<void()> once;
            once.swap(waiter);
            std::move(once)();
        }
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Nothing but the passing of time.
[[nodiscard]] inline asio::awaitable<void> pause(Clock& clock, std::chrono::milliseconds duration)
{
    OneShot<bool> never;
    co_await never.wait(clock, duration);
}

} // namespace elves
