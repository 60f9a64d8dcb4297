#include "host_universe.hpp"

namespace elves {

std::optional<TargetHost> HostUniverse::host(Ip const& ip) const
{
    TargetHost host{
        ip, agents_.agent(ip), inventory_ ? inventory_->machine(ip) : std::nullopt, labels_.find(ip)};
    if (!host.agent && !host.machine) return std::nullopt;
    return host;
}

std::vector<TargetHost> HostUniverse::behind(std::optional<Ip> const& place, std::size_t most) const
{
    auto const agents = agents_.agents_behind(place, most);
    auto const machines =
        inventory_ ? inventory_->machines_behind(place, most) : std::vector<InventoryView>();
    std::vector<TargetHost> hosts;
    auto agent = agents.begin();
    auto machine = machines.begin();
    while (hosts.size() < most && (agent != agents.end() || machine != machines.end())) {
        bool const has_agent =
            agent != agents.end() && (machine == machines.end() || !(machine->ip < agent->ip));
        bool const has_machine =
            machine != machines.end() && (agent == agents.end() || !(agent->ip < machine->ip));
        TargetHost host{has_agent ? agent->ip : machine->ip};
        if (has_agent) host.agent = *agent++;
        if (has_machine) host.machine = *machine++;
        host.labels = labels_.find(host.ip);
        hosts.push_back(host);
    }
    return hosts;
}

} // namespace elves
