#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "elves/ip.hpp"

namespace elves {

struct Key;

/// The other end of a connection, as the system reports it.
struct Remote {
    /// Of a TCP connection. Implicit: most connections are TCP.
    Remote(boost::asio::ip::tcp::endpoint const& endpoint); // NOLINT(google-explicit-constructor)
    /// Of a Unix socket. `name` is what logs and the audit trail show, such as `unix:uid=0`. `granted`: what
    /// the peer's credentials stand for in place of a key; null for none.
    Remote(std::string name, std::shared_ptr<Key const> granted);

    Ip ip;               ///< 0.0.0.0 for a Unix socket.
    std::string address; ///< `10.0.0.1:50123`, `[fd00::1]:50123`, `unix:uid=0`.
    std::shared_ptr<Key const> identity{};
    bool is_local = false; ///< A Unix socket: nobody is in between, so TLS is never required.
};

} // namespace elves
