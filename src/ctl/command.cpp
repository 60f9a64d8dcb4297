#include "ctl/command.hpp"

#include <array>
#include <charconv>

namespace elves::ctl {

std::span<Group const> groups()
{
    static constexpr std::array all{
        Group{"", "", call_commands},
        Group{"", "", exec_commands},
        Group{"", "", task_commands},
        Group{"agents", "The agents that the server knows, and the machines that ask to join.",
            agents_commands},
        Group{"", "", agent_commands},
        Group{"cron", "Cron jobs.", cron_commands},
        Group{"key", "Keys: who may do what.", key_commands},
        Group{"join-token", "Join tokens: what lets machines in without an admin.", join_token_commands},
        Group{"app", "Where the processors of apps are.", app_commands},
        Group{"cmdb", "The inventory.", cmdb_commands},
        Group{"", "", store_commands},
        Group{"", "", audit_commands},
        Group{"tls", "Certificates for a fleet that has no CA.", tls_commands},
        Group{"", "", completion_commands},
    };
    return all;
}

bool Args::has(std::string_view name) const { return given_.find(name) != given_.end(); }

std::vector<std::string> const& Args::all(std::string_view name) const
{
    static std::vector<std::string> const none;
    auto const found = given_.find(name);
    return found == given_.end() ? none : found->second;
}

std::string Args::text(std::string_view name, std::string_view otherwise) const
{
    auto const& given = all(name);
    return given.empty() ? std::string(otherwise) : given.front();
}

std::int64_t Args::number(
    std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const
{
    if (!has(name)) return otherwise;
    auto const given = text(name);
    std::int64_t value = 0;
    auto const [end, failure] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (failure != std::errc() || end != given.data() + given.size() || value < least || value > most) {
        throw Usage(std::string(name) + " is \"" + given + "\"; give a whole number from " +
                    std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

Ip Args::address(std::string_view name) const
{
    auto const given = text(name);
    auto const ip = Ip::parse(given);
    if (!ip) throw Usage(std::string(name) + " is \"" + given + "\"; give an IPv4 or IPv6 address");
    return *ip;
}

void Args::put(json::object& fields, std::string_view field, std::string_view name) const
{
    if (has(name)) fields[field] = text(name);
}

} // namespace elves::ctl
