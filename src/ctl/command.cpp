#include "ctl/command.hpp"

#include <array>
#include <cctype>
#include <charconv>

namespace elves::ctl {

std::span<Group const> groups()
{
    static constexpr std::array all{
        Group{"", "", call_commands},
        Group{"", "", exec_commands},
        Group{"", "", task_commands},
        Group{"", "", follow_commands},
        Group{"agents", "List agents, and decide about machines that ask to join.", agents_commands},
        Group{"", "", agent_commands},
        Group{"", "", hosts_commands},
        Group{"", "", run_commands},
        Group{"runs", "List runs, follow and steer them.", runs_commands},
        Group{"schedule", "Manage runs that begin again at the times of a rule.", schedule_commands},
        Group{"window", "Manage windows: when nothing starts on some hosts.", window_commands},
        Group{"cap", "Manage caps: how many tasks run at once on some hosts.", cap_commands},
        Group{"label", "Manage the labels of hosts.", label_commands},
        Group{"group", "Manage groups: named target expressions.", group_commands},
        Group{"", "", forget_commands},
        Group{"cron", "Manage cron jobs.", cron_commands},
        Group{"key", "Manage keys and their rights.", key_commands},
        Group{
            "join-token", "Manage join tokens, which admit machines without an admin.", join_token_commands},
        Group{"app", "Roll out apps, and manage the addresses of their processors.", app_commands},
        Group{"cmdb", "Manage the inventory.", cmdb_commands},
        Group{"", "", store_commands},
        Group{"", "", audit_commands},
        Group{"", "", console_commands},
        Group{"", "", listen_commands},
        Group{"tls", "Make certificates for a fleet that has no CA.", tls_commands},
        Group{"", "", completion_commands},
        Group{"", "", man_commands},
    };
    return all;
}

std::vector<Arg> const& global_args()
{
    static std::vector<Arg> const args{
        may("--server",
            "HOST:PORT of the server, or unix:/PATH of its socket (unix:/run/elves/elvesd.sock where that "
            "exists, else 127.0.0.1:7788)."),
        may("--server-user", "User who runs the server on this machine, beside root and you: who may be "
                             "shown the key over loopback."),
        may("--key", "Key to authenticate with.").of(Completes::key),
        may("--token",
            "Its token. Others on this machine can read it in the list of processes: see --auth-file."),
        may("--auth-file", "File of two lines, the key and its token.").of(Completes::file),
        may("--tls-ca", "TLS: PEM file of the authorities that may have signed the server's certificate.")
            .of(Completes::file),
        may("--tls-pin", "TLS: the SHA-256 of the server's certificate in hex, or several, with commas."),
        flag("--plain", "Send key and token in plain text to whoever is at that address."),
        flag("--json", "Print one JSON document on stdout, errors included."),
        may("--columns", "Columns of a table, with commas: names of the rows' fields."),
        flag("--wide", "Do not fit tables into the terminal: leave out and cut nothing."),
        may("--connect-timeout", "Seconds for finding the server's address and connecting to it (10)."),
        may("--answer-timeout", "Seconds that the server may take to answer a call (10)."),
    };
    return args;
}

bool is_from_environment(Arg const& global)
{
    return (global.takes == Arg::Takes::text && global.name != "--columns") || global.name == "--plain";
}

std::string environment_name(Arg const& arg)
{
    auto name = "ELVES" + std::string(arg.name.substr(1));
    for (auto& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
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

void put_time(
    Context const& with, json::object& fields, std::string_view field, std::string_view name, Bound bound)
{
    if (!with.args.has(name)) return;
    auto const typed = with.args.text(name);
    auto const now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    fields[field] = server_time(name, typed, bound, with.zone, now);
}

} // namespace elves::ctl
