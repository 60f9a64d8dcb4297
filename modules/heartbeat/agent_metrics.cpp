#include "agent_metrics.hpp"

#include <map>
#include <string>
#include <string_view>

namespace elves {

namespace {

/// As many have a series of their own; the others are `other`.
constexpr std::size_t most_versions = 20;
constexpr std::size_t most_systems = 20;
constexpr std::size_t most_app_versions = 200;

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

void write_app_versions(AppVersions const& versions, MetricWriter& to)
{
    auto const help = "Agents that have a connection, by app and version.";
    std::size_t written = 0;
    double others = 0;
    for (auto const& [name, count] : versions.counts()) {
        auto const agents = static_cast<double>(count);
        if (++written > most_app_versions) {
            others += agents;
        } else {
            to.gauge("app_agents", help, agents, {{"app", name.first}, {"version", name.second}});
        }
    }
    if (others > 0) to.gauge("app_agents", help, others, {{"app", "other"}, {"version", "other"}});
}

} // namespace

void write_agent_metrics(Agents const& agents, MetricWriter& to)
{
    double online = 0;
    double offline = 0;
    Counts systems;
    Counts versions;
    for (auto const& [ip, agent] : agents.by_ip()) {
        bool const is_online = agents.is_online(*agent);
        ++(is_online ? online : offline);
        if (!is_online) continue;
        count(systems, agent->record.os, most_systems);
        count(versions, agent->record.version, most_versions);
    }
    auto const help = "Agents that were ever seen.";
    to.gauge("agents", help, online, {{"status", "online"}});
    to.gauge("agents", help, offline, {{"status", "offline"}});
    for (auto const& [os, agents_of] : systems)
        to.gauge("agents_by_os", "Agents that are online, by operating system.", agents_of, {{"os", os}});
    for (auto const& [version, agents_of] : versions)
        to.gauge(
            "agents_by_version", "Agents that are online, by version.", agents_of, {{"version", version}});
    write_app_versions(agents.app_versions(), to);
    auto const links = agents.link_counts();
    auto const links_help = "Registrations of agents, and ends of their connections.";
    to.counter(
        "agent_links_total", links_help, static_cast<double>(links.registered), {{"event", "registered"}});
    to.counter("agent_links_total", links_help, static_cast<double>(links.ended), {{"event", "ended"}});
}

} // namespace elves
