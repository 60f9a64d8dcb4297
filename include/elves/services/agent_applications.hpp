#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"

namespace elves {

/// What agents have. Offered by heartbeat. From memory; on the loop's thread.
class AgentApplications {
public:
    static constexpr std::string_view service_name = "AgentApplications (heartbeat)";
    virtual ~AgentApplications() = default;

    /// The apps that an agent named when it last registered; nothing where it was never seen.
    [[nodiscard]] virtual std::optional<std::vector<std::string>> apps_of(Ip const& agent) const = 0;
};

} // namespace elves
