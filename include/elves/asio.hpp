#pragma once

// A shared object that was built with another Asio than elvesd would have a second definition of the same
// functions in one process. docs/modules.md has the command that builds one.
#if !defined(BOOST_ASIO_SEPARATE_COMPILATION) || !defined(BOOST_ASIO_NO_DEPRECATED) ||                       \
    !defined(BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC) || !defined(BOOST_ASIO_DISABLE_BOOST_ALIGN)
#error                                                                                                       \
    "build with the definitions that elvesd was built with: -DBOOST_ASIO_SEPARATE_COMPILATION -DBOOST_ASIO_NO_DEPRECATED -DBOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC -DBOOST_ASIO_DISABLE_BOOST_ALIGN"
#endif

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
