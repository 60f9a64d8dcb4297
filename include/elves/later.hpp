#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "elves/asio.hpp"
#include "elves/assert.hpp"

namespace elves {

/// A value, or an exception in its place, that comes once and is taken by one function: what an awaitable is
/// for coroutines. For what is done so often that a coroutine each time would count. A handle: copies share
/// it. Destroyed with whoever would have set it, and nobody is called then. On the loop's thread.
template <class T>
class Later {
public:
    /// The value is only there where `failure` is null; it may be moved from.
    using Then = std::function<void(std::exception_ptr const& failure, T& value)>;

    /// One of both, once. Calls who waits from within.
    void set(T&& value) const
    {
        if (auto const then = take()) {
            then(nullptr, value);
        } else {
            state_->value.emplace(std::move(value));
        }
    }
    void fail(std::exception_ptr const& failure) const
    {
        if (auto const then = take()) {
            T none{};
            then(failure, none);
        } else {
            state_->failure = failure;
            state_->value.emplace();
        }
    }
    /// `then` is called once: from within where the value is there already.
    void then(Then then) const
    {
        ELVES_ASSERT(!state_->then, "two wait for one value");
        if (state_->is_set) return then(state_->failure, *state_->value);
        state_->then = std::move(then);
    }

private:
    struct State {
        Then then;
        bool is_set = false;
        std::exception_ptr failure;
        std::optional<T> value;
    };
    [[nodiscard]] Then take() const
    {
        ELVES_ASSERT(!state_->is_set, "a value comes twice");
        state_->is_set = true;
        return std::exchange(state_->then, nullptr);
    }

    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// The same for a coroutine, which goes on in a turn of its own.
template <class T>
[[nodiscard]] asio::awaitable<T> wait_for(Later<T> later)
{
    auto const executor = co_await asio::this_coro::executor;
    // Named: GCC 12 destroys a closure that is a temporary of a co_await twice.
    auto initiation = [later = std::move(later), executor](auto handler) mutable {
        // Off the coroutine's frame: it must not keep the value that keeps it.
        auto const own = std::move(later);
        // Shared: a std::function is copied.
        auto const waiter = std::make_shared<decltype(handler)>(std::move(handler));
        own.then([executor, waiter](std::exception_ptr const& failure, T& value) {
            asio::post(executor, [waiter, failure, value = std::move(value)]() mutable {
                std::move (*waiter)(failure, std::move(value));
            });
        });
    };
    co_return co_await asio::async_initiate<asio::use_awaitable_t<LoopExecutor> const,
        void(std::exception_ptr, T)>(std::move(initiation), asio::use_awaitable);
}

} // namespace elves
