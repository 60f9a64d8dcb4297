#pragma once

#include <cstdint>

#include "elves/services/agent_directory.hpp"
#include "elves/services/metrics.hpp"
#include "elves/services/presence.hpp"

namespace elves {

/// The numbers of agents. On the loop's thread; what it is given outlives it.
class AgentMetrics {
public:
    AgentMetrics(Presence& presence, AgentDirectory const& agents);
    void write(MetricWriter& to) const;
    /// Another number whenever an agent has come or gone.
    [[nodiscard]] std::uint64_t version() const;

private:
    AgentDirectory const& agents_;
    std::uint64_t registered_ = 0;
};

} // namespace elves
