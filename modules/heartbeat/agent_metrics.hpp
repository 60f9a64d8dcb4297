#pragma once

#include "agents.hpp"
#include "elves/services/metrics.hpp"

namespace elves {

/// The numbers of agents for one scrape. Looks at each agent once.
void write_agent_metrics(Agents const& agents, MetricWriter& to);

} // namespace elves
