#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/outcome.hpp"
#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/times.hpp"
#include "elves/ip.hpp"

namespace CLI {
class App;
}

namespace elves::ctl {

/// What completion in a shell offers for a value.
enum class Completes {
    nothing,
    file,
    folder,
    param, ///< `@FILE`
    agent,
    agent_online,
    task,
    open_task,
    app,
    func,
    key,
    cron_job,
    join_token,
    group,
    target,
    run,
    schedule,
    window,
    cap,
    exec_words, ///< `IP... APP FUNC [PARAM]`
};

/// One thing that a command takes: `--name` is an option, `NAME` stands in its place.
struct Arg {
    enum class Takes { text, flag, choice, many, yes_no };
    std::string_view name;
    std::string_view help;
    Takes takes = Takes::text;
    bool is_required = false;
    std::vector<std::string_view> choices{};
    bool from_environment = false; ///< `--timeout` may come as ELVES_TIMEOUT.
    Completes completes = Completes::nothing;

    /// The same, whose values completion offers.
    [[nodiscard]] Arg of(Completes kind) const
    {
        auto arg = *this;
        arg.completes = kind;
        return arg;
    }
};

[[nodiscard]] inline Arg needs(std::string_view name, std::string_view help)
{
    return {name, help, Arg::Takes::text, true};
}
[[nodiscard]] inline Arg may(std::string_view name, std::string_view help) { return {name, help}; }
[[nodiscard]] inline Arg many(std::string_view name, std::string_view help)
{
    return {name, help, Arg::Takes::many, true};
}
[[nodiscard]] inline Arg flag(std::string_view name, std::string_view help)
{
    return {name, help, Arg::Takes::flag};
}
[[nodiscard]] inline Arg one_of(
    std::string_view name, std::string_view help, std::vector<std::string_view> choices)
{
    return {name, help, Arg::Takes::choice, false, std::move(choices)};
}

/// `--name`, `--name true` or `--name false`.
[[nodiscard]] inline Arg yes_no(std::string_view name, std::string_view help)
{
    return {name, help, Arg::Takes::yes_no, false, {"true", "false"}};
}

/// What was typed for one command; how many words stood behind `--` is the value of `--`. A number or an
/// address that is none throws Usage, which names it.
class Args {
public:
    using Given = std::map<std::string, std::vector<std::string>, std::less<>>;
    explicit Args(Given given) : given_(std::move(given)) {}

    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise = "") const;
    [[nodiscard]] std::vector<std::string> const& all(std::string_view name) const;
    [[nodiscard]] std::int64_t number(
        std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
    [[nodiscard]] Ip address(std::string_view name) const;
    /// Adds `field` where `name` was typed.
    void put(json::object& fields, std::string_view field, std::string_view name) const;

private:
    Given given_;
};

struct Context {
    Session& session;
    Output const& out;
    Args const& args;
    CLI::App const& tree; ///< All commands as the parser knows them.
    ServerZone& zone;
    /// The options that reach the same server, as they are typed behind a command: ` --server HOST:PORT`.
    /// Without key and token, which are no text to show.
    std::string connection;
};

/// Adds `field` where the time `name` was typed, in the server's zone; see `server_time`.
void put_time(
    Context const& with, json::object& fields, std::string_view field, std::string_view name, Bound bound);
inline constexpr std::string_view since_help =
    "From this time on: a duration before now (30m, 1h, 2d), a date (2026-11-29), or a time (2026-11-29 "
    "21:20:00 in the server's zone, 2026-11-29T21:20:00Z).";

/// A command: `cron set` is `set` in the group `cron`; one without a name is what the group does by itself.
struct Command {
    std::string_view name;
    std::string_view help;
    std::vector<Arg> args;
    Exit (*run)(Context const&);
};

/// A group's commands; each in the file of its name.
[[nodiscard]] std::span<Command const> call_commands();
[[nodiscard]] std::span<Command const> exec_commands();
[[nodiscard]] std::span<Command const> task_commands();
[[nodiscard]] std::span<Command const> follow_commands();
[[nodiscard]] std::span<Command const> agents_commands();
[[nodiscard]] std::span<Command const> agent_commands();
[[nodiscard]] std::span<Command const> hosts_commands();
[[nodiscard]] std::span<Command const> label_commands();
[[nodiscard]] std::span<Command const> run_commands();
[[nodiscard]] std::span<Command const> runs_commands();
[[nodiscard]] std::span<Command const> schedule_commands();
[[nodiscard]] std::span<Command const> window_commands();
[[nodiscard]] std::span<Command const> cap_commands();
[[nodiscard]] std::span<Command const> group_commands();
[[nodiscard]] std::span<Command const> forget_commands();
[[nodiscard]] std::span<Command const> cron_commands();
[[nodiscard]] std::span<Command const> key_commands();
[[nodiscard]] std::span<Command const> join_token_commands();
[[nodiscard]] std::span<Command const> listen_commands();
[[nodiscard]] std::span<Command const> app_commands();
[[nodiscard]] std::span<Command const> cmdb_commands();
[[nodiscard]] std::span<Command const> store_commands();
[[nodiscard]] std::span<Command const> audit_commands();
[[nodiscard]] std::span<Command const> console_commands();
[[nodiscard]] std::span<Command const> tls_commands();
[[nodiscard]] std::span<Command const> completion_commands();
[[nodiscard]] std::span<Command const> man_commands();

/// Options that stand before or behind any command.
[[nodiscard]] std::vector<Arg> const& global_args();
/// Whether a global option may come from the environment, and the name of the variable: ELVES_TLS_CA for
/// `--tls-ca`.
[[nodiscard]] bool is_from_environment(Arg const& global);
[[nodiscard]] std::string environment_name(Arg const& arg);

/// Every group. `name` "": its commands stand at the top.
struct Group {
    std::string_view name;
    std::string_view help;
    std::span<Command const> (*commands)();
};
[[nodiscard]] std::span<Group const> groups();

} // namespace elves::ctl
