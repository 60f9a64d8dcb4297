#pragma once

#include <cstddef>
#include <string_view>

namespace elves {

/// Limits of the server's connections that modules have to keep to. Offered by the server. On the loop's
/// thread.
class ServerLimits {
public:
    static constexpr std::string_view service_name = "ServerLimits (server)";
    /// `[server] max_frame` where nobody offers this service.
    static constexpr std::size_t default_max_frame = std::size_t{4} * 1024 * 1024;

    virtual ~ServerLimits() = default;
    /// `[server] max_frame` in bytes, as it is now: SIGHUP may change it.
    [[nodiscard]] virtual std::size_t max_frame() const = 0;
};

} // namespace elves
