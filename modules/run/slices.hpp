#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>

#include "elves/asio.hpp"

namespace elves {

/// Counts the hosts that were gone through, so that many of them are gone through in several turns of the
/// loop.
class Slices {
public:
    /// After each host; true: it is time to `let_others_go_on`.
    [[nodiscard]] bool is_over() { return ++done_ % hosts_of_slice == 0; }

private:
    /// Of some hundred microseconds.
    static constexpr std::size_t hosts_of_slice = 256;
    std::size_t done_ = 0;
};

inline asio::awaitable<void> let_others_go_on()
{
    auto const loop = co_await asio::this_coro::executor;
    co_await asio::post(loop, asio::use_awaitable);
}

} // namespace elves
