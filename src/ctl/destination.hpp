#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/dial.hpp"

namespace elves::ctl {

/// Where the server listens: a TCP address, or a Unix socket.
struct Destination {
    HostPort place;     ///< Not looked at where `socket` is given.
    std::string socket; ///< Path; "" for TCP.

    [[nodiscard]] std::string text() const { return socket.empty() ? place.text() : "unix:" + socket; }
};

/// `given` is HOST:PORT, unix:/PATH or /PATH. Nothing given: `default_socket` where there is one, else
/// 127.0.0.1:7788. Throws Usage.
[[nodiscard]] Destination destination_of(
    std::optional<std::string> const& given, std::string const& default_socket);

} // namespace elves::ctl
