#pragma once

#include <boost/asio/awaitable.hpp>

namespace elves {
namespace asio = boost::asio;
}
