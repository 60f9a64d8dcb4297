#include "server/agent_metrics.hpp"

#include <map>
#include <string>

namespace elves {

namespace {

/// As many have a series of their own; the others are `other`.
constexpr std::size_t most_versions = 20;
constexpr std::size_t most_systems = 20;
constexpr std::size_t all_agents = 1'000'000;

using Counts = std::map<std::string, double, std::less<>>;

/// What an agent says of itself may be anything: the number of words is bounded.
void count(Counts& counts, std::string_view word, std::size_t most)
{
    auto const found = counts.find(word);
    if (found != counts.end()) {
        ++found->second;
    } else {
        ++counts[counts.size() < most ? std::string(word) : "other"];
    }
}

} // namespace

AgentMetrics::AgentMetrics(Presence& presence, AgentDirectory const& agents) : agents_(agents)
{
    presence.on_link([this](Ip const&) { ++registered_; });
}

std::uint64_t AgentMetrics::version() const
{
    std::uint64_t online = 0;
    for (auto const& agent : agents_.agents_behind(std::nullopt, all_agents)) online += agent.online ? 1 : 0;
    // Few are online beside the many registrations that there may be.
    return registered_ * all_agents + online;
}

void AgentMetrics::write(MetricWriter& to) const
{
    double online = 0;
    double offline = 0;
    Counts systems;
    Counts versions;
    for (auto const& agent : agents_.agents_behind(std::nullopt, all_agents)) {
        ++(agent.online ? online : offline);
        if (!agent.online) continue;
        count(systems, agent.os, most_systems);
        count(versions, agent.version, most_versions);
    }
    to.gauge("agents", "Agents that were ever seen.", online, {{"status", "online"}});
    to.gauge("agents", "Agents that were ever seen.", offline, {{"status", "offline"}});
    for (auto const& [os, agents] : systems)
        to.gauge("agents_by_os", "Agents that are online, by operating system.", agents, {{"os", os}});
    for (auto const& [version, agents] : versions)
        to.gauge("agents_by_version", "Agents that are online, by version.", agents, {{"version", version}});
    to.counter("agent_links_total", "Registrations of agents.", static_cast<double>(registered_),
        {{"event", "registered"}});
}

} // namespace elves
