#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "client/tcp_listeners.hpp"
#include "elves/ip.hpp"
#include "rpc/peer_credentials.hpp"

namespace elves {

/// Users of this machine who may run the server that a secret is shown to: root, whoever runs this program,
/// the owner of /run/elves (which only root can create), and one who is named.
class ServerUsers {
public:
    /// `named` may be any user; nothing for none.
    explicit ServerUsers(std::optional<uid_t> named);

    [[nodiscard]] bool include(uid_t uid) const noexcept;
    /// Why a secret must not be shown to the server at that Unix socket; nothing where it may. The owner of
    /// the socket's folder may run it too, where nobody else could have put the socket there.
    [[nodiscard]] std::optional<std::string> fault_of_socket(
        std::string const& path, std::optional<PeerCredentials> const& server) const;
    /// The same of a plain connection to a loopback address, just made; `before`: who listened on its port
    /// before that. Whoever is in both lists listened all the while, so the connection is his.
    [[nodiscard]] std::optional<std::string> fault_of_loopback(
        Ip const& ip, std::uint16_t port, std::vector<TcpListener> const& before) const;

private:
    std::vector<uid_t> users_;
};

/// The number of a user who is given by name or number; nothing where there is no such name.
[[nodiscard]] std::optional<uid_t> uid_of(std::string const& user);

} // namespace elves
