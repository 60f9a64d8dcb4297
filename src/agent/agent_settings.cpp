#include "agent/agent_settings.hpp"

#include <algorithm>
#include <boost/asio/ip/host_name.hpp>
#include <cctype>
#include <unistd.h>

#include "agent/own_key.hpp"
#include "client/tls_settings.hpp"
#include "core/trusted_path.hpp"
#include "elves/host_address.hpp"
#include "elves/label_value.hpp"

namespace elves::agent {

namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;

std::vector<HostPort> servers_of(Section const& agent)
{
    std::vector<HostPort> all;
    for (auto const& text : agent.list("server", {})) {
        auto const place = HostPort::parse(text);
        if (!place || place->port == 0)
            agent.refuse("server", "\"" + text + "\" is no HOST:PORT; give one such as 10.0.0.1:7788");
        all.push_back(*place);
    }
    if (all.empty())
        agent.refuse("server", "it is missing; give HOST:PORT of elvesd, or several, with commas");
    return all;
}

ServerUsers server_users_of(Section const& agent)
{
    auto const name = agent.text("server_user", "");
    if (name.empty()) return ServerUsers(std::nullopt);
    auto const uid = uid_of(name);
    if (!uid)
        agent.refuse("server_user", "\"" + name + "\" is no user of this machine; give a name or a uid");
    return ServerUsers(uid);
}

std::optional<Ip> ip_of(Section const& agent)
{
    auto const text = agent.text("ip", "");
    if (text.empty()) return std::nullopt;
    auto const ip = Ip::parse(text);
    if (!ip) agent.refuse("ip", "\"" + text + "\" is no address; give this machine's IPv4 or IPv6 address");
    if (!is_host_address(*ip))
        agent.refuse("ip", "\"" + text +
                               "\" is no address that a machine can have; give this machine's own, not "
                               "0.0.0.0, ::, multicast or broadcast");
    return ip;
}

std::string host_name()
{
    boost::system::error_code failure;
    auto const name = asio::ip::host_name(failure);
    return failure ? std::string() : name;
}

std::filesystem::path apps_of(Section const& agent)
{
    auto const text = agent.text("apps", "apps");
    std::error_code failure;
    auto const folder = std::filesystem::canonical(text, failure);
    if (failure || !std::filesystem::is_directory(folder, failure))
        agent.refuse("apps", "there is no folder " + std::filesystem::absolute(text).string() +
                                 "; make it, or give another path");
    if (auto const fault = untrusted(folder, ::geteuid())) agent.refuse("apps", *fault);
    return folder;
}

std::string journal_of(Section const& agent)
{
    auto const path = agent.text("journal", "agent.db");
    std::error_code failure;
    auto const folder = std::filesystem::canonical(std::filesystem::absolute(path).parent_path(), failure);
    if (failure || !std::filesystem::is_directory(folder, failure))
        agent.refuse("journal", "there is no folder for " + std::filesystem::absolute(path).string() +
                                    "; make it, or give another path");
    if (std::filesystem::is_directory(path, failure))
        agent.refuse("journal", path + " is a folder; give the path of a file");
    // What stands in the journal is run. Of the file itself the store looks.
    if (auto const fault = untrusted(folder, ::geteuid())) agent.refuse("journal", *fault);
    return (folder / std::filesystem::path(path).filename()).string();
}

/// What is wrong with it is said at the start, not when it is needed.
std::string key_file_of(Section const& agent, std::string const& journal)
{
    auto const beside = (std::filesystem::path(journal).parent_path() / "agent.key").string();
    auto const path = agent.text("key_file", beside);
    try {
        static_cast<void>(read_own_key(path));
    } catch (std::exception const& problem) {
        agent.refuse("key_file", problem.what());
    }
    std::error_code ignored;
    if (!std::filesystem::is_directory(std::filesystem::absolute(path).parent_path(), ignored))
        agent.refuse("key_file", "there is no folder for " + path + "; make it, or give another path");
    return path;
}

void check_interpreter(Section const& agent, std::string const& path)
{
    std::error_code failure;
    auto const real = std::filesystem::canonical(path, failure);
    if (failure || ::access(path.c_str(), X_OK) != 0)
        agent.refuse("interpreters", path + " can't be executed; install it, or leave it out");
    auto fault = untrusted_links(path, ::geteuid());
    if (!fault) fault = untrusted(real, ::geteuid());
    if (fault) agent.refuse("interpreters", *fault);
}

/// Names are looked for on PATH when they are needed: not every machine has all of them.
std::vector<std::string> interpreters_of(Section const& agent)
{
    auto const all =
        agent.list("interpreters", {"python3", "python", "sh", "bash", "perl", "node", "ruby", "php"});
    for (auto const& entry : all) {
        auto const is_plain = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                   std::string_view("_.+-").find(c) != std::string_view::npos;
        };
        bool const is_name = entry.front() != '-' && std::all_of(entry.begin(), entry.end(), is_plain);
        if (!is_name && !entry.starts_with('/'))
            agent.refuse("interpreters", "\"" + entry + "\" is neither a name nor an absolute path");
        if (entry.starts_with('/')) check_interpreter(agent, entry);
    }
    return all;
}

std::map<std::string, std::string> facts_of(Section const& section)
{
    std::map<std::string, std::string> facts;
    for (auto const& key : section.keys()) {
        auto value = section.text(key, "");
        if (!is_fact_key(key)) section.refuse(key, "it is no fact's name; give [a-z][a-z0-9_]{0,31}");
        if (!is_label_value(value))
            section.refuse(key, "a fact has 1 to 128 characters, and no control characters");
        if (facts.size() == most_labels) section.refuse(key, "there are more than 32 facts; leave some out");
        facts.emplace(key, std::move(value));
    }
    return facts;
}

} // namespace

AgentSettings AgentSettings::read(Settings const& settings)
{
    auto const agent = settings.section("agent");
    AgentSettings all;
    all.servers = servers_of(agent);
    all.server_users = server_users_of(agent);
    all.ip = ip_of(agent);
    all.asset = agent.text("asset", host_name());
    all.facts = facts_of(settings.section("facts"));
    all.apps = apps_of(agent);
    all.journal = journal_of(agent);
    all.key = agent.text("key", "");
    all.token = agent.text("token", "");
    if (all.key.empty() != all.token.empty())
        agent.refuse(all.key.empty() ? "key" : "token", "key and token go together; give both, or neither");
    all.key_file = key_file_of(agent, all.journal);
    all.join_token_file = agent.text("join_token_file", "");
    all.max_output = static_cast<std::size_t>(agent.number("max_output", mib, kib, 64 * mib));
    all.max_kept_output =
        static_cast<std::size_t>(agent.number("max_kept_output", 256 * mib, mib, 64 * 1024 * mib));
    all.max_workers = static_cast<std::size_t>(agent.number("max_workers", 8, 1, 1000));
    all.max_queued = static_cast<std::size_t>(agent.number("max_queued", 1000, 0, 100'000));
    all.drain = agent.seconds("drain", all.drain, std::chrono::seconds(0), std::chrono::hours(7 * 24));
    all.interpreters = interpreters_of(agent);
    all.tls = tls_of_client(settings.section("tls"));
    all.tls_key = settings.section("tls").text("key", "");
    all.tls_trust = {settings.section("tls").text("ca", ""), settings.section("tls").list("pin", {})};
    all.deploy = DeploySettings::read(settings.section("deploy"), all.apps);
    all.rules = RunRules::read(agent);
    all.rules.accept_deployments(all.deploy.accept);
    all.run_as = RunAs::read(settings.section("run_as"));
    auto const worker = settings.section("worker");
    all.confinement = Confinement::read(worker, settings.section("limits"));
    all.param_by_input = worker.choice("param", "argument", {"argument", "input"}) == "input";
    constexpr std::chrono::seconds ten_years{std::int64_t{10} * 366 * 86'400};
    all.without_server = settings.section("cron").seconds(
        "without_server", all.without_server, std::chrono::seconds(1), ten_years);
    all.log = LogSettings::read(settings.section("log"));
    settings.refuse_unknown();
    return all;
}

} // namespace elves::agent
