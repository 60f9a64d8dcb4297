#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "fleet_labels.hpp"
#include "target_match.hpp"

namespace elves {

/// Every host there is: each agent that was ever seen, and each machine of the inventory. On the loop's
/// thread. All that it is made of outlives it.
class HostUniverse {
public:
    /// `inventory`: null where there is none.
    HostUniverse(AgentDirectory const& agents, Inventory const* inventory, FleetLabels const& labels)
        : agents_(agents), inventory_(inventory), labels_(labels)
    {
    }

    /// Nothing where there is no such host. Valid until the next co_await.
    [[nodiscard]] std::optional<TargetHost> host(Ip const& ip) const;
    /// The next ones behind that address: `most`, or all that are left. Valid until the next co_await.
    [[nodiscard]] std::vector<TargetHost> behind(std::optional<Ip> const& place, std::size_t most) const;
    [[nodiscard]] AgentDirectory const& agents() const noexcept { return agents_; }

private:
    AgentDirectory const& agents_;
    Inventory const* inventory_;
    FleetLabels const& labels_;
};

} // namespace elves
