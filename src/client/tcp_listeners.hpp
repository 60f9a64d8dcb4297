#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "elves/ip.hpp"

namespace elves {

/// A TCP socket of this machine that listens.
struct TcpListener {
    Ip ip; ///< 0.0.0.0 and :: are every address.
    std::uint16_t port = 0;
    uid_t uid = 0;           ///< Of the user who opened it.
    std::uint64_t inode = 0; ///< Of the socket: no other one has it while this one is open.

    friend bool operator==(TcpListener const&, TcpListener const&) = default;
};

/// Those that the text of /proc/net/tcp or /proc/net/tcp6 lists. Lines that cannot be read are left out.
[[nodiscard]] std::vector<TcpListener> parse_tcp_listeners(std::string_view text);

/// Those of this machine (of this network namespace) on that port. Empty where the system does not say.
[[nodiscard]] std::vector<TcpListener> tcp_listeners(std::uint16_t port);

/// Those of `all` that a connection to `ip` reaches: the ones of exactly that address, else of every address.
[[nodiscard]] std::vector<TcpListener> reached_by(Ip const& ip, std::vector<TcpListener> const& all);

} // namespace elves
