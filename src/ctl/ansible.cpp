#include "ctl/ansible.hpp"

#include <set>

namespace elves::ctl {

namespace {

/// Hosts by group; a set, as two labels may make one name.
using Groups = std::map<std::string, std::set<std::string>>;

std::string text_of(json::object const& host, std::string_view name)
{
    auto const* const value = host.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

json::value object_of(json::object const& host, std::string_view name)
{
    auto const* const value = host.if_contains(name);
    return value != nullptr && value->is_object() ? *value : json::value(json::object());
}

json::object host_variables(json::object const& host)
{
    json::object variables{{"ansible_host", text_of(host, "agentip")}};
    for (std::string const name : {"asset", "status", "os", "version", "last_hb_time"})
        variables["elves_" + name] = text_of(host, name);
    for (std::string const name : {"labels", "facts", "apps"})
        variables["elves_" + name] = object_of(host, name);
    return variables;
}

void add_to_groups(Groups& groups, json::object const& host, std::string const& ip)
{
    for (std::string const name : {"os", "status"}) {
        auto const value = text_of(host, name);
        if (!value.empty()) groups[ansible_group_name(name + "_" + value)].insert(ip);
    }
    auto const labels = object_of(host, "labels");
    for (auto const& [key, value] : labels.get_object()) {
        if (!value.is_string()) continue;
        groups[ansible_group_name("label_" + std::string(key) + "_" + std::string(value.get_string()))]
            .insert(ip);
    }
}

} // namespace

std::string ansible_group_name(std::string_view text)
{
    constexpr std::string_view fit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    std::string name;
    for (char const c : text) {
        bool const fits = fit.find(c) != std::string_view::npos;
        if (fits || name.empty() || name.back() != '_') name += fits ? c : '_';
    }
    return name;
}

json::object ansible_inventory(json::array const& hosts, GroupMembers const& members)
{
    json::object variables;
    json::array all;
    std::set<std::string> known;
    Groups groups;
    for (auto const& row : hosts) {
        if (!row.is_object()) continue;
        auto const& host = row.get_object();
        auto const ip = text_of(host, "agentip");
        if (ip.empty() || !known.insert(ip).second) continue;
        all.emplace_back(ip);
        variables[ip] = host_variables(host);
        add_to_groups(groups, host, ip);
    }
    for (auto const& [name, addresses] : members) {
        for (auto const& ip : addresses) {
            if (known.contains(ip)) groups[ansible_group_name("group_" + name)].insert(ip);
        }
    }
    json::object inventory{{"_meta", json::object{{"hostvars", std::move(variables)}}},
        {"all", json::object{{"hosts", std::move(all)}}}};
    for (auto const& [name, addresses] : groups) {
        json::array list;
        for (auto const& ip : addresses) list.emplace_back(ip);
        inventory[name] = json::object{{"hosts", std::move(list)}};
    }
    return inventory;
}

} // namespace elves::ctl
