#pragma once

#include <optional>
#include <string>

#include "elves/asio.hpp"

namespace elves::http {

/// The body of a reply that has no end of its own. On the loop's thread.
class Stream {
public:
    virtual ~Stream() = default;
    /// The next piece, which may be a while; nothing where there is no more. One caller at a time.
    [[nodiscard]] virtual asio::awaitable<std::optional<std::string>> next() = 0;
    /// Its reader has gone: `next` returns soon.
    virtual void stop() = 0;
};

} // namespace elves::http
