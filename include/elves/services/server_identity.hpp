#pragma once

#include <string>
#include <string_view>

namespace elves {

/// How clients recognize this server. Offered by the server. On the loop's thread.
class ServerIdentity {
public:
    static constexpr std::string_view service_name = "ServerIdentity (server)";
    virtual ~ServerIdentity() = default;
    /// The SHA-256 of the TLS certificate that new connections are shown, 64 lower-case hex digits; ""
    /// without TLS. Another one after a SIGHUP, perhaps.
    [[nodiscard]] virtual std::string certificate_fingerprint() const = 0;
};

} // namespace elves
