// app push, versions, unpush, deploy, rollback, assign, assigned, unassign: versions of apps, and how they
// come to hosts.
#include "ctl/app_packages.hpp"

#include <cstdio>
#include <filesystem>
#include <unistd.h>

#include "core/ed25519.hpp"
#include "ctl/fleet_run.hpp"
#include "ctl/printable.hpp"
#include "ctl/run_words.hpp"
#include "ctl/typed_text.hpp"
#include "elves/base64.hpp"
#include "elves/deployment.hpp"
#include "elves/instruction.hpp"
#include "elves/json_fields.hpp"
#include "elves/sha256.hpp"
#include "package/pack.hpp"

namespace elves::ctl {

namespace {

/// Fetching and unpacking takes longer than most functions of apps.
constexpr std::string_view deploy_timeout = "600";
constexpr std::size_t largest_package = std::size_t{1024} * 1024 * 1024;
constexpr std::size_t largest_key_file = 16 * 1024;

struct AppAtVersion {
    std::string app;
    std::string version;
};

AppAtVersion typed_version(std::string const& text)
{
    auto const at = text.find('@');
    AppAtVersion typed{text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)};
    if (!is_name(typed.app) || !is_app_version(typed.version))
        throw Usage("\"" + text + "\" is no version of an app; give APP@VERSION, such as nginx@1.24");
    return typed;
}

std::string name_of_folder(std::filesystem::path const& folder)
{
    std::error_code failure;
    auto const real = std::filesystem::canonical(folder, failure);
    if (failure || !std::filesystem::is_directory(real, failure))
        throw Usage("DIR is \"" + folder.string() + "\"; give the folder of an app");
    return real.filename().string();
}

std::string packed(std::filesystem::path const& folder, std::string const& version)
{
    try {
        return pack(folder, version, largest_package);
    } catch (std::exception const& problem) {
        throw Usage(folder.string() + " can't be packed: " + problem.what());
    }
}

/// Empty without `--sign`.
std::string signature_of(Context const& with, Deployment const& deployment)
{
    if (!with.args.has("--sign")) return {};
    auto const file = with.args.text("--sign");
    try {
        auto const key = Ed25519Key::from_pem(typed_text("--sign", "@" + file, largest_key_file));
        with.out.line("signed by " + base64(key.public_key()));
        return base64(key.sign(deployment.signed_text()));
    } catch (Usage const&) {
        throw;
    } catch (std::exception const& problem) {
        throw Usage("--sign " + file + ": " + problem.what());
    }
}

void show_progress(std::size_t sent, std::size_t all)
{
    if (::isatty(STDERR_FILENO) != 1) return;
    std::fprintf(stderr, "\r\x1b[K%zu of %zu KiB sent", sent / 1024, all / 1024);
    if (sent == all) std::fputs("\r\x1b[K", stderr);
}

/// Sends what the server does not have yet. Returns what it says at the end.
json::object upload(Context const& with, json::object const& begun, std::string const& package)
{
    auto const id = plain_field(begun, "upload");
    auto sent = static_cast<std::size_t>(whole_number(plain_field(begun, "offset")).value_or(0));
    auto const most = static_cast<std::size_t>(whole_number(plain_field(begun, "piece")).value_or(1));
    while (sent < package.size()) {
        auto const piece = std::string_view(package).substr(sent, most);
        static_cast<void>(with.session.call(
            "apps", "pushpiece", {{"upload", id}, {"offset", sent}, {"data", base64(piece)}}));
        sent += piece.size();
        show_progress(sent, package.size());
    }
    return with.session.call("apps", "endpush", {{"upload", id}});
}

Exit push(Context const& with)
{
    std::filesystem::path const folder(with.args.text("DIR"));
    Deployment deployment;
    deployment.app = with.args.text("--name", name_of_folder(folder));
    deployment.version = with.args.text("--version");
    if (!is_name(deployment.app) || deployment.app == own_app)
        throw Usage("the app would be called \"" + deployment.app + "\"; give another --name");
    if (!is_app_version(deployment.version))
        throw Usage("--version is \"" + deployment.version +
                    "\"; give 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `+`, `~`, `:`, `-`, such as 1.24");
    auto const package = packed(folder, deployment.version);
    deployment.size = static_cast<std::int64_t>(package.size());
    deployment.sha256 = Sha256().hex(package);
    deployment.signature = signature_of(with, deployment);
    auto const begun = with.session.call("apps", "beginpush", deployment.to_json());
    bool const is_known = begun.contains("known");
    auto reply = is_known ? begun : upload(with, begun, package);
    with.out.document(reply);
    with.out.line(deployment.app + "@" + deployment.version +
                  (is_known ? " is there already, " : " is pushed, ") + std::to_string(package.size()) +
                  " bytes, SHA-256 " + deployment.sha256);
    return Exit::well;
}

Exit versions(Context const& with)
{
    json::object filter;
    with.args.put(filter, "app", "APP");
    auto const reply = with.session.list("apps", "listversions", filter);
    with.out.rows(reply, rows_of(reply), {"app", "version", "size", "sha256", "signature", "by", "time"});
    return Exit::well;
}

Exit unpush(Context const& with)
{
    auto const typed = typed_version(with.args.text("VERSION"));
    with.out.document(
        with.session.call("apps", "delversion", {{"app", typed.app}, {"version", typed.version}}));
    with.out.line("deleted " + typed.app + "@" + typed.version);
    return Exit::well;
}

json::object ins_of(Context const& with, std::string_view func, json::object const& param)
{
    return {{"app", own_app}, {"func", func}, {"param", json::serialize(param)},
        {"timeout", with.args.text("--timeout", deploy_timeout)}};
}

Exit deploy(Context const& with)
{
    auto const typed = typed_version(with.args.text("VERSION"));
    auto const reply =
        with.session.call("apps", "listversions", {{"app", typed.app}, {"version", typed.version}});
    auto const& rows = rows_of(reply);
    if (rows.empty() || !rows.front().is_object())
        throw Usage("the server has no version " + typed.version + " of app " + typed.app +
                    "; see elvesctl app versions");
    auto const& row = rows.front().get_object();
    Deployment deployment{typed.app, typed.version, plain_field(row, "sha256"),
        whole_number(plain_field(row, "size")).value_or(0), plain_field(row, "signature")};
    json::object fields{
        {"target", typed_target(with.args)}, {"ins", ins_of(with, "deploy", deployment.to_json())}};
    put_run_limits(with.args, fields);
    return start_run(with, std::move(fields));
}

Exit rollback(Context const& with)
{
    auto const app = with.args.text("APP");
    json::object fields{
        {"target", typed_target(with.args)}, {"ins", ins_of(with, "rollback", json::object{{"app", app}})}};
    put_run_limits(with.args, fields);
    return start_run(with, std::move(fields));
}

Exit assign(Context const& with)
{
    auto const typed = typed_version(with.args.text("VERSION"));
    json::object fields{{"app", typed.app}, {"version", typed.version}, {"target", typed_target(with.args)}};
    with.args.put(fields, "note", "--note");
    auto const reply = with.session.call("apps", "setassignment", std::move(fields));
    with.out.document(reply);
    with.out.line("assignment " + plain_field(reply, "id"));
    return Exit::well;
}

Exit unassign(Context const& with)
{
    auto const id = with.args.text("ID");
    with.out.document(with.session.call("apps", "delassignment", {{"id", id}}));
    with.out.line("deleted assignment " + id);
    return Exit::well;
}

/// Below the table: which hosts fail, and why.
void show_failures(Context const& with, json::array const& assignments)
{
    for (auto const& row : assignments) {
        if (!row.is_object()) continue;
        auto const& assignment = row.get_object();
        auto const* const failures = assignment.if_contains("failures");
        if (!failures || !failures->is_array()) continue;
        for (auto const& each : failures->get_array()) {
            if (!each.is_object()) continue;
            auto const& failure = each.get_object();
            with.out.line(plain_field(assignment, "id") + " " + plain_field(failure, "agentip") + ": " +
                          plain_field(failure, "error") + " (again in " + plain_field(failure, "next") +
                          " s)");
        }
    }
}

Exit assigned(Context const& with)
{
    json::object filter;
    with.args.put(filter, "app", "APP");
    auto const reply = with.session.call("apps", "listassignments", filter);
    with.out.rows(reply, rows_of(reply),
        {"id", "app", "version", "target", "current", "waiting", "failing", "offline", "error", "by",
            "note"});
    if (!with.out.is_json()) show_failures(with, rows_of(reply));
    return Exit::well;
}

std::vector<Arg> with_run_options(std::vector<Arg> args)
{
    args.push_back(many("TARGET", "Which hosts (docs/targets.md).").of(Completes::target));
    for (auto const& options : {run_limit_args(), start_run_args()})
        args.insert(args.end(), options.begin(), options.end());
    args.push_back(may("--timeout", "Seconds that a host may take (600)."));
    return args;
}

} // namespace

std::vector<Command> package_commands()
{
    auto const version = needs("VERSION", "A version that was pushed: APP@VERSION, such as nginx@1.24.");
    return {
        {"push", "Pack the folder of an app and push it to the server as a version.",
            {needs("DIR", "The app's folder.").of(Completes::folder),
                Arg{"--version", "The version, such as 1.24.", Arg::Takes::text, true},
                may("--name", "The app's name (the folder's)."),
                may("--sign",
                    "Sign it with this Ed25519 key: a PEM file (openssl genpkey -algorithm ed25519).")
                    .of(Completes::file)},
            push},
        {"versions", "List the versions of apps that were pushed.",
            {may("APP", "Only those of this app.").of(Completes::app)}, versions},
        {"unpush", "Delete a version from the server; hosts that have it keep it.", {version}, unpush},
        {"deploy", "Deploy a version on all hosts of a target, in waves: a run.", with_run_options({version}),
            deploy},
        {"rollback", "Put the version before in its place on all hosts of a target: a run.",
            with_run_options({needs("APP", "The app.").of(Completes::app)}), rollback},
        {"assign", "Say which hosts are to have a version: those that have another one get it.",
            {version, many("TARGET", "Which hosts (docs/targets.md).").of(Completes::target),
                may("--note", "Why.")},
            assign},
        {"assigned", "List the assignments, and how far their hosts are.",
            {may("APP", "Only those of this app.").of(Completes::app)}, assigned},
        {"unassign", "Delete an assignment; hosts keep what they have.",
            {needs("ID", "The assignment's id.")}, unassign},
    };
}

} // namespace elves::ctl
