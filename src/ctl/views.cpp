#include "ctl/views.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "ctl/printable.hpp"
#include "ctl/times.hpp"
#include "ctl/units.hpp"
#include "elves/json_fields.hpp"

namespace elves::ctl {

namespace {

void add(Lines& lines, std::string_view name, std::string const& value)
{
    if (!value.empty()) lines.emplace_back(name, value);
}

std::string time_text(std::string const& text, std::optional<Zone> const& zone)
{
    return zone ? with_offset(text, *zone) : text;
}

std::string time_and_age(std::string const& text, std::optional<Zone> const& zone, Instant now)
{
    if (!zone || text.empty()) return text;
    auto const age = age_of(text, *zone, now);
    return with_offset(text, *zone) + (age.empty() ? "" : " (" + age + ")");
}

std::string size_of(json::object const& fields, std::string_view name)
{
    auto const bytes = whole_number(plain_field(fields, name));
    return bytes ? size_text(*bytes) : "";
}

void add_line(std::string& text, std::string const& line)
{
    if (!line.empty()) text += (text.empty() ? "" : "\n") + line;
}

std::string cpu_text(json::object const& hardware)
{
    auto const cores = plain_field(hardware, "cpu.cores");
    auto const model = plain_field(hardware, "cpu.model");
    auto const count = cores.empty() ? "" : cores + (cores == "1" ? " core" : " cores");
    return count.empty() || model.empty() ? count + model : count + ", " + model;
}

std::string disk_text(json::object const& disk)
{
    auto const used = size_of(disk, "used");
    auto const size = size_of(disk, "size");
    return "disk " + plain_field(disk, "mount") + ": " + (used.empty() ? "" : used + " used of ") + size;
}

std::string network_text(json::object const& network)
{
    auto const mac = plain_field(network, "mac");
    std::string text = "network " + plain_field(network, "name") + ":";
    if (auto const* const addresses = network.if_contains("addresses"); addresses && addresses->is_array()) {
        for (auto const& address : addresses->get_array()) text += " " + plain(address);
    }
    return mac.empty() ? text : text + " (" + mac + ")";
}

template <class Text>
void add_each(std::string& text, json::object const& hardware, std::string_view name, Text const& line_of)
{
    auto const* const list = hardware.if_contains(name);
    if (!list || !list->is_array()) return;
    for (auto const& item : list->get_array()) {
        if (auto const* const fields = item.if_object()) add_line(text, line_of(*fields));
    }
}

/// `nginx 1.2, sh`
std::string apps_text(json::object const& reply)
{
    auto const* const apps = reply.if_contains("apps");
    if (!apps || !apps->is_object()) return {};
    std::string text;
    for (auto const& [name, version] : apps->get_object()) {
        auto const number = plain(version);
        text += (text.empty() ? "" : ", ") + std::string(name) + (number.empty() ? "" : " " + number);
    }
    return text;
}

std::string joined(json::object const& reply, std::string_view list, std::string_view between)
{
    std::string text;
    auto const* const items = reply.if_contains(list);
    if (!items || !items->is_array()) return text;
    for (auto const& item : items->get_array())
        text += (text.empty() ? "" : std::string(between)) + plain(item);
    return text;
}

/// A number with the unit that its name says it has; anything else as it is.
std::string with_unit(std::string_view name, std::string const& value)
{
    auto const number = whole_number(value);
    if (!number || *number < 0) return value;
    if (name == "uptime") return duration_text(*number);
    if (name == "size" || name.ends_with("bytes") || name.ends_with("_size") || name.ends_with("_space") ||
        name.starts_with("bytes_"))
        return size_text(*number);
    return value;
}

std::string title_of(std::string_view name)
{
    std::string title(name);
    std::replace(title.begin(), title.end(), '_', ' ');
    return title;
}

/// `3 of 5 known (linux 2, win 1)`
std::string online_text(json::object const& stat)
{
    constexpr std::string_view mark = "online";
    std::string parts;
    for (auto const& [name, value] : stat) {
        auto const count = plain(value);
        std::string_view system(name);
        if (name == "totalonline" || !system.ends_with(mark) || count == "0") continue;
        system.remove_suffix(mark.size());
        parts += (parts.empty() ? "" : ", ") + std::string(system) + " " + count;
    }
    auto text = plain_field(stat, "totalonline");
    auto const known = plain_field(stat, "totalknown");
    if (!known.empty()) text += " of " + known + " known";
    return parts.empty() ? text : text + " (" + parts + ")";
}

/// `backup (0123456789ABCDEF): 12`
std::string largest_text(std::string_view name, json::object const& most)
{
    auto const held = plain_field(most, "held");
    if (held.empty() || held == "0") return {};
    auto const key = plain_field(most, "key");
    auto const title = plain_field(most, "name");
    auto const who = key.empty() ? "without a key" : title.empty() ? key : title + " (" + key + ")";
    return who + ": " + with_unit(name, held);
}

void add_server_stats(Lines& lines, json::object const& stats)
{
    for (auto const& [name, value] : stats) {
        if (name == "warnings") continue;
        if (auto const* const inner = value.if_object()) {
            for (auto const& [member, held] : *inner) {
                auto const text = held.is_object() ? largest_text(member, held.get_object())
                                                   : with_unit(member, plain(held));
                add(lines, title_of(name) + " " + title_of(member), text);
            }
        } else {
            add(lines, name == "version" ? "server version" : title_of(name), with_unit(name, plain(value)));
        }
    }
    if (auto const* const warnings = stats.if_contains("warnings"); warnings && warnings->is_array()) {
        for (auto const& warning : warnings->get_array()) add(lines, "warning", plain(warning));
    }
}

} // namespace

std::string hardware_text(std::string const& hw_config)
{
    boost::system::error_code failure;
    auto const value = json::parse(hw_config, failure);
    if (failure || !value.is_object()) return hw_config;
    auto const& hardware = value.get_object();
    std::string text;
    add_line(text, cpu_text(hardware));
    if (auto const memory = size_of(hardware, "memory.total"); !memory.empty())
        add_line(text, memory + " memory");
    add_each(text, hardware, "disks", disk_text);
    add_each(text, hardware, "networks", network_text);
    // What another agent writes has fields of its own.
    for (auto const& [name, part] : hardware) {
        bool const is_shown = name == "cpu" || name == "memory" || name == "disks" || name == "networks";
        if (!is_shown || (name != "cpu" && name != "memory" && !part.is_array()))
            add_line(text, std::string(name) + ": " + plain(part));
    }
    return text;
}

Lines agent_lines(
    std::string const& ip, json::object const& reply, std::optional<Zone> const& zone, Instant now)
{
    Lines lines;
    add(lines, "address", ip);
    add(lines, "status", plain_field(reply, "status"));
    add(lines, "host name", plain_field(reply, "asset"));
    add(lines, "system", plain_field(reply, "os"));
    add(lines, "agent version", plain_field(reply, "version"));
    add(lines, "started", time_and_age(plain_field(reply, "agent_starttime"), zone, now));
    add(lines, "last heard", time_and_age(plain_field(reply, "last_hb_time"), zone, now));
    add(lines, "apps", apps_text(reply));
    add(lines, "cron jobs", joined(reply, "cronlist", " "));
    add(lines, "hardware", hardware_text(plain_field(reply, "hw_config")));
    add(lines, "claimed by", plain_field(reply, "claimed_from"));
    add(lines, "claimed at", time_and_age(plain_field(reply, "claimed_time"), zone, now));
    // Fields of a newer server.
    static std::set<std::string, std::less<>> const shown{"agentip", "status", "asset", "os", "version",
        "agent_starttime", "last_hb_time", "apps", "cronlist", "hw_config", "claimed_from", "claimed_time"};
    for (auto const& [name, value] : reply) {
        if (!shown.contains(std::string_view(name))) add(lines, title_of(name), plain(value));
    }
    return lines;
}

Lines stat_lines(json::object const& reply)
{
    Lines lines;
    if (auto const* const stat = reply.if_contains("stat"); stat && stat->is_object())
        add(lines, "agents online", online_text(stat->get_object()));
    if (auto const* const stats = reply.if_contains("stats"); stats && stats->is_object())
        add_server_stats(lines, stats->get_object());
    return lines;
}

Lines task_lines(json::object const& record, std::optional<Zone> const& zone)
{
    struct Shown {
        std::string_view field, title;
    };
    // Fields without a title here are told by another one.
    static constexpr std::array order{Shown{"id", "id"}, Shown{"status", "status"}, Shown{"agentip", "agent"},
        Shown{"instruct", "task"}, Shown{"param", "param"}, Shown{"proxy", "file"}, Shown{"type", "type"},
        Shown{"mode", "mode"}, Shown{"by", "asked by"}, Shown{"from", "asked from"}, Shown{"run", "run"},
        Shown{"cron_id", "cron job"}, Shown{"fire_time", "fire time"},
        Shown{"last_fire_time", "last fire time"}, Shown{"count", "firings"}, Shown{"starttime", "asked at"},
        Shown{"endtime", "ended at"}, Shown{"agent_sync_error", "hand-over error"},
        Shown{"agent_sync_costtime", "hand-over took"}, Shown{"agent_callback_time", "worker ended at"},
        Shown{"exit_code", "exit code"}, Shown{"worker_message", "result"},
        Shown{"module_sync_error", "processor error"}, Shown{"module_sync_costtime", "processor took"},
        Shown{"module_callback_time", "processor called at"}, Shown{"processor_message", "processor result"},
        Shown{"processor_costtime", "processor work took"}};
    static std::set<std::string, std::less<>> const told{"result_flag", "agent_sync_flag", "module_sync_flag",
        "queued", "output", "stderr", "size", "stderr_size", "truncated", "left_out", "output_error", "flag",
        "error_info"};
    Lines lines;
    auto const value_of = [&](std::string_view field) {
        auto value = plain_field(record, field);
        if (field.ends_with("_costtime") && !value.empty()) return value + " ms";
        return is_time_field(field) ? time_text(value, zone) : value;
    };
    for (auto const& [field, title] : order) {
        if (field == "count" && plain_field(record, "count") == "1") continue;
        add(lines, title, value_of(field));
    }
    for (auto const& [name, value] : record) {
        auto const is_field = [&name](Shown const& shown) { return shown.field == name; };
        if (!told.contains(std::string_view(name)) && std::none_of(order.begin(), order.end(), is_field))
            add(lines, title_of(name), plain(value));
    }
    add(lines, "output", plain_field(record, "output"));
    add(lines, "stderr", plain_field(record, "stderr"));
    if (auto const bytes = size_of(record, "left_out"); !bytes.empty()) add(lines, "left out", bytes);
    if (plain_field(record, "truncated") == "true")
        add(lines, "truncated", "yes: the result, the output or stderr is not complete");
    return lines;
}

} // namespace elves::ctl
