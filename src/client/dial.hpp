#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "elves/asio.hpp"
#include "rpc/link.hpp"
#include "rpc/peer_credentials.hpp"

namespace elves {

/// `host:port`, `[v6]:port`.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    /// Nothing where `text` isn't that.
    [[nodiscard]] static std::optional<HostPort> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
};

/// Connects, in TLS where `shared` has it, and gives the started link. Every connection to a host that has a
/// name is made here: of several addresses the first that answers is taken (see ConnectRace). Throws Error
/// 410.1 that says why nobody could be reached within `limit`, looking up the name included, or why TLS could
/// not be had.
[[nodiscard]] asio::awaitable<std::shared_ptr<Link>> dial(
    HostPort to, std::chrono::milliseconds limit, LinkShared& shared);

/// A link over a Unix socket, and who listens there.
struct LocalLink {
    std::shared_ptr<Link> link;
    std::optional<PeerCredentials> server;
};

/// Connects to the Unix socket at `path`, without TLS, and starts the link. Throws Error 410.1 that says why
/// nobody could be reached, or Error 401.6 where this user may not use the socket. `shared.tls` is null.
[[nodiscard]] asio::awaitable<LocalLink> dial_local(std::string path, LinkShared& shared);

} // namespace elves
