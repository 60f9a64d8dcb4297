#pragma once

#include <cstdint>
#include <string>

#include "elves/clock.hpp"
#include "elves/services/targets.hpp"
#include "fleet_groups.hpp"
#include "host_universe.hpp"

namespace elves {

/// A stored expression that is asked about one host at a time: it is read once, and the groups that it stands
/// on again whenever some group has changed. All that it is made of outlives it.
class StoredTarget final : public HostTest {
public:
    /// Throws Errors as Targets::host_test does.
    StoredTarget(
        std::string const& target, HostUniverse const& hosts, FleetGroups const& groups, Clock const& clock);

    [[nodiscard]] bool selects(Ip const& host) override;

private:
    void read_groups();

    Target target_;
    HostUniverse const& hosts_;
    FleetGroups const& groups_;
    Clock const& clock_;
    TargetContext context_;
    std::uint64_t version_ = 0; ///< Of the groups that `context_` has.
};

} // namespace elves
