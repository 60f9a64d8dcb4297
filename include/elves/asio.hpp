#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace elves {

/// Of the one loop that all runs on. By its own name and not as `any_io_executor`, which every coroutine
/// would copy several times over.
using LoopExecutor = boost::asio::io_context::executor_type;

/// Boost.Asio, with coroutines of that loop.
namespace asio {

using namespace boost::asio;
template <class T>
using awaitable = boost::asio::awaitable<T, LoopExecutor>;
inline constexpr boost::asio::use_awaitable_t<LoopExecutor> use_awaitable;

} // namespace asio

} // namespace elves
