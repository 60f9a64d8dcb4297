#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/error.hpp"
#include "elves/one_shot.hpp"

namespace elves {

/// Lets coroutines pass one at a time, in the order in which they came: for changes that are judged in memory
/// and hold once they are on disk. On the loop's thread.
class OneAtATime {
    struct State {
        bool is_taken = false;
        std::deque<OneShot<bool>> waiting;
    };

public:
    /// Whoever has it has entered; the next may when it goes.
    class Turn {
    public:
        explicit Turn(std::shared_ptr<State> state) : state_(std::move(state)) {}
        Turn(Turn&& other) noexcept = default;
        Turn& operator=(Turn&&) = delete;
        ~Turn()
        {
            if (!state_) return;
            if (state_->waiting.empty()) {
                state_->is_taken = false;
                return;
            }
            auto next = state_->waiting.front();
            state_->waiting.pop_front();
            next.set(true);
        }

    private:
        std::shared_ptr<State> state_;
    };

    /// Throws Error 429.1 where too many wait already.
    [[nodiscard]] asio::awaitable<Turn> enter(Clock& clock)
    {
        constexpr std::size_t most_waiting = 1'000;
        auto const state = state_;
        if (!std::exchange(state->is_taken, true)) co_return Turn(state);
        if (state->waiting.size() >= most_waiting)
            throw Error(codes::too_much, "too many changes of this kind wait already; try again in a moment");
        OneShot<bool> turn;
        state->waiting.push_back(turn);
        co_await turn.wait(clock);
        co_return Turn(state);
    }

private:
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

} // namespace elves
