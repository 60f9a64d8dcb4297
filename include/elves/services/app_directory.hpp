#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace elves {

/// Where an app's processor listens.
struct AppAddress {
    std::string host;
    std::uint16_t port = 0;
};

/// The apps and their processors. Offered by supervisor. From memory; on the loop's thread.
class AppDirectory {
public:
    static constexpr std::string_view service_name = "AppDirectory (supervisor)";
    virtual ~AppDirectory() = default;
    [[nodiscard]] virtual std::optional<AppAddress> callback(std::string_view app) const = 0;
};

} // namespace elves
