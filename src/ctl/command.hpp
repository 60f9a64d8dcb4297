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
#include "elves/ip.hpp"

namespace CLI {
class App;
}

namespace elves::ctl {

/// One thing that a command takes: `--name` is an option, `NAME` stands in its place.
struct Arg {
    enum class Takes { text, flag, choice, many, yes_no };
    std::string_view name;
    std::string_view help;
    Takes takes = Takes::text;
    bool is_required = false;
    std::vector<std::string_view> choices{};
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

/// What was typed for one command. A number or an address that is none throws Usage, which names it.
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
};

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
[[nodiscard]] std::span<Command const> agents_commands();
[[nodiscard]] std::span<Command const> agent_commands();
[[nodiscard]] std::span<Command const> cron_commands();
[[nodiscard]] std::span<Command const> key_commands();
[[nodiscard]] std::span<Command const> join_token_commands();
[[nodiscard]] std::span<Command const> app_commands();
[[nodiscard]] std::span<Command const> cmdb_commands();
[[nodiscard]] std::span<Command const> store_commands();
[[nodiscard]] std::span<Command const> audit_commands();
[[nodiscard]] std::span<Command const> tls_commands();
[[nodiscard]] std::span<Command const> completion_commands();

/// Every group. `name` "": its commands stand at the top.
struct Group {
    std::string_view name;
    std::string_view help;
    std::span<Command const> (*commands)();
};
[[nodiscard]] std::span<Group const> groups();

} // namespace elves::ctl
