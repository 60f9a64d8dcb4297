#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "elves/asio.hpp"
#include "rpc/link.hpp"

namespace elves {

/// `host:port`, `[v6]:port`.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    /// Nothing where `text` isn't that.
    [[nodiscard]] static std::optional<HostPort> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
};

/// Connects, in TLS where `shared` has it, and gives the started link. Throws Error 410.1 that says why
/// nobody could be reached within `limit`, or why TLS could not be had.
[[nodiscard]] asio::awaitable<std::shared_ptr<Link>> dial(
    HostPort to, std::chrono::milliseconds limit, LinkShared& shared);

} // namespace elves
