#include "ctl/complete_values.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "ctl/options.hpp"
#include "ctl/printable.hpp"

namespace elves::ctl {

namespace {

/// A person waits at the prompt.
constexpr std::chrono::milliseconds patience{2'000};
constexpr std::size_t most_agents = 5'000;
constexpr std::size_t most_tasks = 200;
/// Tasks whose functions are offered.
constexpr std::size_t most_history = 1'000;

/// The server that the options typed so far, and the environment, name.
class Server {
public:
    explicit Server(CompletionInput const& input)
        : options_(with_environment(input.given))
        , session_(server_of(options_), credentials_of(options_), tls_of(options_), {patience, patience},
              shows_of(options_))
    {
    }
    [[nodiscard]] json::array rows(
        std::string_view service, std::string_view method, json::object fields, std::size_t most)
    {
        return rows_of(session_.list(service, method, std::move(fields), most));
    }

private:
    static Args with_environment(Args::Given given)
    {
        for (auto const& arg : global_args()) {
            auto const* const value =
                is_from_environment(arg) ? std::getenv(environment_name(arg).c_str()) : nullptr;
            std::string const name(arg.name);
            if (value && !given.contains(name)) given[name] = {value};
        }
        return Args(std::move(given));
    }

    Args options_;
    Session session_;
};

std::string first_given(CompletionInput const& input, std::string const& name)
{
    auto const found = input.given.find(name);
    return found == input.given.end() || found->second.empty() ? "" : found->second.front();
}

Candidates agents(CompletionInput const& input, bool only_online)
{
    Server server(input);
    json::object fields;
    if (only_online) fields["status"] = "online";
    Candidates found;
    for (auto const& row : server.rows("heartbeat", "listagents", std::move(fields), most_agents)) {
        auto const& agent = row.as_object();
        found.push_back({plain_field(agent, "agentip"),
            plain_field(agent, "asset") + " " + plain_field(agent, "status")});
    }
    return found;
}

Candidates tasks(CompletionInput const& input, bool only_open)
{
    Server server(input);
    Candidates found;
    std::set<std::string> const typed(input.places.begin(), input.places.end());
    for (auto const& row : server.rows("tasklog", "listtasks", {}, most_tasks)) {
        auto const& task = row.as_object();
        auto const status = plain_field(task, "status");
        bool const is_open = status == "waiting" || status == "sent" || status == "running";
        auto const id = plain_field(task, "id");
        if ((only_open && !is_open) || typed.contains(id)) continue;
        found.push_back(
            {id, plain_field(task, "instruct") + " on " + plain_field(task, "agentip") + ": " + status});
    }
    return found;
}

/// What agents say they have, and what has a processor. `agents`: of these only, where any is given.
Candidates apps(CompletionInput const& input, std::set<Ip> const& agents)
{
    Server server(input);
    std::map<std::string, std::string> names;
    for (auto const& row : server.rows("heartbeat", "listagents", {}, most_agents)) {
        auto const& agent = row.as_object();
        auto const ip = Ip::parse(plain_field(agent, "agentip"));
        auto const* const list = agent.if_contains("apps");
        if (!list || !list->is_object() || !ip || (!agents.empty() && !agents.contains(*ip))) continue;
        for (auto const& [name, version] : list->get_object()) names[std::string(name)] = plain(version);
    }
    Candidates found;
    for (auto const& [name, version] : names) found.push_back({name, version});
    if (!agents.empty()) return found;
    for (auto const& row : server.rows("supervisor", "listapps", {}, most_agents)) {
        auto const name = plain_field(row.as_object(), "appname");
        if (!names.contains(name)) found.push_back({name, "has a processor"});
    }
    return found;
}

/// The functions of an app that were called lately: the server knows of no other ones.
Candidates functions(CompletionInput const& input, std::string const& app)
{
    Server server(input);
    json::object fields;
    if (!app.empty()) fields["app"] = app;
    std::set<std::string> names;
    for (auto const& row : server.rows("tasklog", "listtasks", std::move(fields), most_history)) {
        auto const instruct = plain_field(row.as_object(), "instruct");
        auto const dot = app.empty() ? instruct.rfind('.') : app.size();
        if (dot != std::string::npos && dot < instruct.size()) names.insert(instruct.substr(dot + 1));
    }
    Candidates found;
    for (auto const& name : names) found.push_back({name, ""});
    return found;
}

Candidates keys(CompletionInput const& input)
{
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("supervisor", "listkeys", {}, most_agents)) {
        auto const& key = row.as_object();
        found.push_back({plain_field(key, "key"), plain_field(key, "name") + " " + plain_field(key, "role")});
    }
    return found;
}

Candidates join_tokens(CompletionInput const& input)
{
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("supervisor", "listjointokens", {}, most_agents))
        found.push_back({plain_field(row.as_object(), "id"), plain_field(row.as_object(), "name")});
    return found;
}

Candidates cron_jobs(CompletionInput const& input)
{
    auto const ip = first_given(input, "IP");
    if (ip.empty()) return {};
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("cron", "getcronlistbyip", {{"agentip", ip}}, most_agents)) {
        auto const& job = row.as_object();
        found.push_back({plain_field(job, "cron_id"),
            plain_field(job, "name") + " " + plain_field(job, "rule") + " " + plain_field(job, "ins.app") +
                "." + plain_field(job, "ins.func")});
    }
    return found;
}

Candidates target_groups(CompletionInput const& input)
{
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("fleet", "listgroups", {}, most_agents))
        found.push_back({plain_field(row.as_object(), "name"), plain_field(row.as_object(), "target")});
    return found;
}

/// A group, or one of the words that an expression begins with.
Candidates targets(CompletionInput const& input)
{
    auto found = target_groups(input);
    for (auto& group : found) group.word = "@" + group.word;
    found.push_back({"all", "every host"});
    return found;
}

Candidates runs(CompletionInput const& input)
{
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("run", "listruns", {}, most_tasks)) {
        auto const& run = row.as_object();
        found.push_back(
            {plain_field(run, "id"), plain_field(run, "ins.app") + "." + plain_field(run, "ins.func") + ": " +
                                         plain_field(run, "state")});
    }
    return found;
}

Candidates schedules(CompletionInput const& input)
{
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("run", "listschedules", {}, most_tasks)) {
        auto const& schedule = row.as_object();
        found.push_back({plain_field(schedule, "id"), plain_field(schedule, "rule") + " " +
                                                          plain_field(schedule, "ins.app") + "." +
                                                          plain_field(schedule, "ins.func")});
    }
    return found;
}

/// Of windows, or of caps.
Candidates named(CompletionInput const& input, std::string_view method)
{
    Server server(input);
    Candidates found;
    for (auto const& row : server.rows("run", method, {}, most_agents))
        found.push_back({plain_field(row.as_object(), "name"), plain_field(row.as_object(), "target")});
    return found;
}

Candidates params(CompletionInput const& input)
{
    if (input.current.starts_with('@') && !input.current.starts_with("@@")) return {{":file", "@"}};
    return {};
}

/// IP... APP FUNC [PARAM]
Candidates exec_words(CompletionInput const& input)
{
    std::set<Ip> ips;
    auto word = input.places.begin();
    for (; word != input.places.end(); ++word) {
        auto const ip = Ip::parse(*word);
        if (!ip) break;
        ips.insert(*ip);
    }
    auto const rest = input.places.end() - word;
    if (rest == 1) return functions(input, *word);
    if (rest == 2) return params(input);
    if (rest > 2) return {};
    Candidates found;
    for (auto& agent : agents(input, true)) {
        auto const ip = Ip::parse(agent.word);
        if (ip && !ips.contains(*ip)) found.push_back(std::move(agent));
    }
    bool const has_hosts = input.given.contains("--hosts");
    if (ips.empty() && !has_hosts) return found;
    for (auto& app : apps(input, has_hosts ? std::set<Ip>() : ips)) found.push_back(std::move(app));
    return found;
}

std::string app_given(CompletionInput const& input)
{
    auto const app = first_given(input, "APP");
    return app.empty() ? first_given(input, "--app") : app;
}

std::set<Ip> agent_given(CompletionInput const& input)
{
    auto const ip = Ip::parse(first_given(input, "IP"));
    return ip ? std::set<Ip>{*ip} : std::set<Ip>();
}

} // namespace

Candidates values_for(Arg const& arg, CompletionInput const& input)
{
    Candidates found;
    for (auto const choice : arg.choices) found.push_back({std::string(choice), ""});
    switch (arg.completes) {
    case Completes::nothing:
        return found;
    case Completes::file:
        return {{":file", ""}};
    case Completes::folder:
        return {{":folder", ""}};
    case Completes::param:
        return params(input);
    case Completes::agent:
        return agents(input, false);
    case Completes::agent_online:
        return agents(input, true);
    case Completes::task:
        return tasks(input, false);
    case Completes::open_task:
        return tasks(input, true);
    case Completes::app:
        return apps(input, agent_given(input));
    case Completes::func:
        return functions(input, app_given(input));
    case Completes::key:
        return keys(input);
    case Completes::cron_job:
        return cron_jobs(input);
    case Completes::join_token:
        return join_tokens(input);
    case Completes::group:
        return target_groups(input);
    case Completes::target:
        return targets(input);
    case Completes::run:
        return runs(input);
    case Completes::schedule:
        return schedules(input);
    case Completes::window:
        return named(input, "listwindows");
    case Completes::cap:
        return named(input, "listcaps");
    case Completes::exec_words:
        return exec_words(input);
    }
    return found;
}

} // namespace elves::ctl
