#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "elves/asio.hpp"
#include "elves/peer.hpp"

namespace elves {

/// Calls out to others, such as an app's processor. Offered by the server.
class Dialer {
public:
    static constexpr std::string_view service_name = "Dialer (server)";
    virtual ~Dialer() = default;

    /// Connects, calls, waits for the `back`, closes. Throws Error 410.1 where nobody answers there, 410.2
    /// when `limit` is over first.
    [[nodiscard]] virtual asio::awaitable<Back> call(std::string host, std::uint16_t port,
        std::string service, std::string method, json::object fields, std::chrono::milliseconds limit) = 0;
};

} // namespace elves
