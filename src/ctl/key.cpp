#include <array>

#include "ctl/printable.hpp"
#include "ctl/put_not_empty.hpp"

namespace elves::ctl {

namespace {

constexpr std::int64_t largest_quota = 1'000'000'000'000'000;

json::array split(std::string_view text)
{
    json::array parts;
    while (!text.empty()) {
        auto const part = text.substr(0, text.find(','));
        if (!trimmed(part).empty()) parts.emplace_back(trimmed(part));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
    }
    return parts;
}

struct QuotaOption {
    std::string_view option, member, help;
};

constexpr std::array quota_options{
    QuotaOption{"--waiting-tasks", "waiting_tasks", "Most unfinished tasks of the key, or default."},
    QuotaOption{"--waiting-bytes", "waiting_bytes", "Most bytes of those on the server's disk, or default."},
    QuotaOption{"--workers", "workers", "Most workers of one agent at a time, or default."},
    QuotaOption{"--cron-jobs", "cron_jobs", "Most cron jobs of the key, or default."},
    QuotaOption{"--bytes-per-day", "bytes_per_day",
        "Most bytes that its tasks may write to the server's disk in a day (UTC), or default."}};

/// The members of a quota that were typed. "default" is the empty value on the wire.
json::object typed_quota(Args const& args)
{
    json::object quota;
    for (auto const& [option, member, help] : quota_options) {
        if (!args.has(option)) continue;
        auto const text = args.text(option);
        quota[member] = text == "default" ? "" : std::to_string(args.number(option, 0, 0, largest_quota));
    }
    return quota;
}

/// What was typed of a key. Not given: not sent, so that it stays, or is the server's to say.
json::object typed(Context const& with)
{
    auto const& args = with.args;
    json::object key;
    put_not_empty(args, key, "role", "--role");
    if (args.text("--expires") == "never") {
        args.put(key, "expires", "--expires");
    } else if (args.has("--expires")) {
        require_not_empty(args, "--expires");
        put_time(with, key, "expires", "--expires", Bound::future);
    }
    put_not_empty(args, key, "files", "--files");
    put_not_empty(args, key, "run_hosts", "--run-hosts");
    if (args.has("--apps")) key["apps"] = split(args.text("--apps"));
    if (args.has("--ips")) key["iplist"] = split(args.text("--ips"));
    if (auto quota = typed_quota(args); !quota.empty()) key["quota"] = std::move(quota);
    return key;
}

void show_token(Context const& with, json::object const& key)
{
    with.out.fields(with.session.call("supervisor", "setkey", key));
    if (!with.out.is_json()) with.out.note("keep the token: it is shown this once");
}

/// What the server found worth a warning about a change that it has made.
void note_warning(Context const& with, json::object const& reply)
{
    if (reply.contains("warning")) with.out.note(plain_field(reply, "warning"));
}

Exit add(Context const& with)
{
    auto key = typed(with);
    key["name"] = with.args.text("NAME");
    show_token(with, key);
    return Exit::well;
}

Exit set(Context const& with)
{
    auto key = typed(with);
    put_not_empty(with.args, key, "name", "--name");
    put_not_empty(with.args, key, "enabled", "--enabled");
    if (key.empty()) throw Usage("nothing to change was given");
    key["key"] = with.args.text("KEY");
    auto const reply = with.session.call("supervisor", "setkey", key);
    with.out.document(reply);
    with.out.line("changed " + with.args.text("KEY"));
    note_warning(with, reply);
    return Exit::well;
}

Exit rotate(Context const& with)
{
    json::object key{{"key", with.args.text("KEY")}, {"rotate", true}};
    put_not_empty(with.args, key, "overlap", "--overlap");
    show_token(with, key);
    return Exit::well;
}

Exit erase(Context const& with)
{
    auto const key = with.args.text("KEY");
    bool const cancels = with.args.has("--cancel");
    json::object fields{{"key", key}};
    if (cancels) fields["cancel"] = true;
    auto const reply = with.session.call("supervisor", "delkey", fields);
    with.out.document(reply);
    with.out.line("deleted " + key);
    note_warning(with, reply);
    auto const waiting = plain_field(reply, "waiting");
    auto const jobs = plain_field(reply, "cron_jobs");
    if (waiting == "0" && jobs == "0") return Exit::well;
    auto const held = waiting + " unfinished tasks and " + jobs + " cron jobs";
    with.out.line(cancels ? "canceled its unfinished tasks and paused its cron jobs: " + held
                          : held + " of it go on; to end them: elvesctl key del " + key + " --cancel");
    return Exit::well;
}

Exit list(Context const& with)
{
    auto const reply = with.session.list("supervisor", "listkeys", {});
    auto rows = rows_of(reply);
    if (auto const* const deleted = reply.if_contains("deleted"); deleted && deleted->is_array()) {
        for (auto const& key : deleted->get_array()) {
            rows.push_back(key);
            rows.back().as_object()["role"] = "(deleted)";
        }
    }
    if (with.args.has("--quotas")) {
        with.out.rows(reply, rows,
            {"key", "name", "role", "usage.waiting_tasks", "quota.waiting_tasks", "usage.waiting_bytes",
                "quota.waiting_bytes", "usage.cron_jobs", "quota.cron_jobs", "usage.bytes_today",
                "quota.bytes_per_day", "quota.workers"});
    } else {
        with.out.rows(reply, rows,
            {"key", "name", "role", "apps", "iplist", "enabled", "files", "run_hosts", "expires", "used_time",
                "used_from"});
    }
    return Exit::well;
}

Arg role(bool is_required)
{
    auto arg = one_of("--role", "What it may do.", {"viewer", "operator", "agent", "admin"});
    arg.is_required = is_required;
    return arg;
}

Arg apps()
{
    return may("--apps",
        "Its apps (nginx), functions (nginx.reload) and globs of them (nginx.re*), with commas, or "
        "*. An app with a dot in its name is my.app.*. Left out of key add: none.");
}

Arg files()
{
    return yes_no(
        "--files", "May it name which file of an app runs (ins.proxy)? Left out of key add: false.");
}

Arg run_hosts() { return may("--run-hosts", "The most hosts that one of its runs may have, or unlimited."); }

Arg expires()
{
    return may("--expires", "Until when it is valid: a time as YYYY-MM-DD HH:MM:SS in the server's zone, a "
                            "date, a duration from now such as 90d, or never.");
}

std::vector<Arg> with_quota(std::vector<Arg> args)
{
    for (auto const& [option, member, help] : quota_options) args.push_back(may(option, help));
    return args;
}

} // namespace

std::span<Command const> key_commands()
{
    static std::vector<Command> const all{
        {"add", "Make a key, and show its token, this once.",
            with_quota({needs("NAME", "Whose it is."), role(true), apps(),
                may("--ips", "Its addresses and CIDR ranges, with commas, or *; without: none."), expires(),
                files(), run_hosts()}),
            add},
        {"set", "Change what is given of a key.",
            with_quota({needs("KEY", "The key.").of(Completes::key), may("--name", "Whose it is."),
                role(false), apps(), may("--ips", "Its addresses and CIDR ranges, with commas, or *."),
                expires(), files(), run_hosts(),
                one_of("--enabled", "false: it is refused until it is true again.", {"true", "false"})}),
            set},
        {"rotate", "Make a new token for a key, and show it, this once.",
            {needs("KEY", "The key.").of(Completes::key),
                may("--overlap", "Seconds for which the token before counts, too (86400).")},
            rotate},
        {"del", "Delete a key; it is refused from then on.",
            {needs("KEY", "The key.").of(Completes::key),
                flag("--cancel", "Also cancel its unfinished tasks and pause its cron jobs.")},
            erase},
        {"list", "List all keys, without their tokens.",
            {flag("--quotas", "Show what each key holds and may hold. Empty: the default.")}, list},
    };
    return all;
}

} // namespace elves::ctl
