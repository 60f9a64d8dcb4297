#pragma once

#include <cstddef>

#include "elves/asio.hpp"
#include "http/http_message.hpp"

namespace elves::http {

/// What answers requests; knows nothing of sockets. On the loop's thread.
class Handler {
public:
    virtual ~Handler() = default;
    /// How many bytes the request's body may have, judged by its head alone.
    [[nodiscard]] virtual std::size_t body_limit(Request const& head) = 0;
    /// Never throws.
    [[nodiscard]] virtual asio::awaitable<Reply> answer(Request request) = 0;
};

} // namespace elves::http
