#include "agent/worker_command.hpp"

#include <array>
#include <optional>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "agent/app_manifest.hpp"
#include "core/trusted_path.hpp"
#include "elves/base64.hpp"
#include "elves/error.hpp"

namespace elves::agent {

namespace fs = std::filesystem;

// Linux takes no single argument of more than 128 KiB; base64 of this is 120,000.
static constexpr std::size_t longest_argument_param = 90'000;

static constexpr std::string_view proxy_field = "`ins.proxy`";

/// `field`: what names the file that can't be run.
[[noreturn]] static void refuse(std::string_view field, std::string const& why)
{
    throw Error(codes::bad_field, std::string(field) + ": " + why);
}

static bool can_run(fs::path const& file)
{
    std::error_code failure;
    return fs::is_regular_file(file, failure) && ::access(file.c_str(), X_OK) == 0;
}

static std::optional<fs::path> find_on(std::string_view path, std::string const& name)
{
    while (!path.empty()) {
        auto const end = path.find(':');
        fs::path const folder(path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
        // A relative one would mean another place for every folder we run in.
        if (folder.is_absolute() && can_run(folder / name)) return folder / name;
    }
    return std::nullopt;
}

/// The allowed interpreter of that name: the entry itself, or an absolute one that ends in it.
static std::string const* allowed(WorkerRules const& rules, std::string_view name)
{
    for (auto const& entry : rules.interpreters) {
        if (entry == name || (entry.starts_with('/') && fs::path(entry).filename() == name)) return &entry;
    }
    return nullptr;
}

static fs::path interpreter_path(WorkerRules const& rules, std::string const& entry, std::string_view field)
{
    auto const found = entry.starts_with('/')
                           ? (can_run(entry) ? std::optional<fs::path>(entry) : std::nullopt)
                           : find_on(rules.path, entry);
    if (!found) refuse(field, "the interpreter \"" + entry + "\" is not installed on this machine");
    return *found;
}

static bool is_inside(fs::path const& folder, fs::path const& real)
{
    auto const inside = real.lexically_relative(folder);
    return !inside.empty() && *inside.begin() != "..";
}

static fs::path app_folder(Instruction const& instruction, WorkerRules const& rules)
{
    auto const& app = instruction.app;
    // Checked long before; but this is where a path is made of one, and arguments of both.
    if (!is_name(app)) throw Error(codes::bad_app, "`ins.app` is no name");
    if (!is_name(instruction.func)) throw Error(codes::bad_func, "`ins.func` is no name");
    std::error_code failure;
    auto folder = fs::canonical(rules.apps / app, failure);
    if (failure || !fs::is_directory(folder, failure))
        throw Error(codes::no_app, "this agent has no app \"" + app + "\"");
    if (!is_inside(fs::canonical(rules.apps, failure), folder))
        throw Error(
            codes::no_app, "the app \"" + app + "\" is a link that leads out of the agent's apps folder");
    return folder;
}

/// The file's real path, if it is one inside `folder`.
static fs::path app_file(fs::path const& folder, std::string const& name, std::string_view field)
{
    auto const quoted = "\"" + name + "\"";
    fs::path const relative(name);
    if (name.empty() || name.front() == '-' || relative.is_absolute() || name.find('\0') != std::string::npos)
        refuse(field, "the file " + quoted + " is no relative path inside the app's folder");
    std::error_code failure;
    auto file = fs::canonical(folder / relative, failure);
    if (failure) refuse(field, "the app has no file " + quoted);
    if (!is_inside(folder, file)) refuse(field, "the file " + quoted + " is outside the app's folder");
    if (!fs::is_regular_file(file, failure)) refuse(field, quoted + " is not a file");
    return file;
}

namespace {

/// What to execute, and the argument before the file's, if it takes one.
struct Entry {
    fs::path file;
    std::optional<fs::path> interpreter;
    std::string called; ///< The interpreter's argv[0].
};

} // namespace

/// `name`: the interpreter's.
static Entry with_interpreter(
    WorkerRules const& rules, std::string const& name, fs::path file, std::string_view field)
{
    auto const* const entry = allowed(rules, name);
    if (entry == nullptr) refuse(field, "\"" + name + "\" is not among the agent's interpreters");
    return {std::move(file), interpreter_path(rules, *entry, field), *entry};
}

static Entry by_itself(fs::path file, std::string const& name, std::string_view field)
{
    if (!can_run(file))
        refuse(field, "the file \"" + name + "\" is not executable; make it so, or " +
                          (field == proxy_field ? "say `interpreter|file`" : "give it an `interpreter`"));
    return {std::move(file), std::nullopt, {}};
}

/// An app that is asked for without a file: its own entry.
static Entry default_entry(fs::path const& folder, WorkerRules const& rules)
{
    struct Row {
        std::string file;
        std::array<std::string_view, 2> interpreters;
    };
    static std::array<Row, 2> const rows{
        {{"app-worker.py", {"python3", "python"}}, {"app-worker.sh", {"sh", "bash"}}}};
    std::error_code failure;
    for (auto const& row : rows) {
        if (!fs::exists(folder / row.file, failure)) continue;
        auto file = app_file(folder, row.file, proxy_field);
        for (auto const name : row.interpreters) {
            if (allowed(rules, name) != nullptr)
                return with_interpreter(rules, std::string(name), std::move(file), proxy_field);
        }
        refuse(proxy_field, "this app's " + row.file + " needs " + std::string(row.interpreters.front()) +
                                ", which is not among the agent's interpreters");
    }
    if (fs::exists(folder / "app-worker", failure))
        return by_itself(app_file(folder, "app-worker", proxy_field), "app-worker", proxy_field);
    refuse(proxy_field,
        "the app has neither app-worker.py nor app-worker.sh nor an executable app-worker: name its file");
}

/// The file that `ins.proxy` names.
static Entry named_entry(std::string const& proxy, fs::path const& folder, WorkerRules const& rules)
{
    auto const bar = proxy.find('|');
    if (bar == std::string::npos) return by_itself(app_file(folder, proxy, proxy_field), proxy, proxy_field);
    auto const name = proxy.substr(0, bar);
    if (allowed(rules, name) == nullptr)
        refuse(proxy_field, "\"" + name + "\" is not among the agent's interpreters");
    return with_interpreter(rules, name, app_file(folder, proxy.substr(bar + 1), proxy_field), proxy_field);
}

static void require_named(Instruction const& instruction, WorkerRules const& rules)
{
    if (rules.run_rules.is_named(instruction)) return;
    throw Error(codes::forbidden, "this agent's own settings do not name " + instruction.name() +
                                      ", and its app.json demands that: add \"" + instruction.name() +
                                      "\" to `allow` in section [agent] of this host's agent.conf");
}

/// The file that the app's manifest gives for the function.
static Entry manifest_entry(Instruction const& instruction, AppManifest const& manifest,
    fs::path const& folder, WorkerRules const& rules)
{
    if (!instruction.proxy.empty())
        refuse(proxy_field, "the app \"" + instruction.app +
                                "\" has an app.json, which says what each function runs; leave it out");
    auto const& function = manifest.function(instruction.func);
    if (function.needs_allow) require_named(instruction, rules);
    function.check_param(instruction.param);
    auto const field = "app.json, functions." + instruction.func;
    auto file = app_file(folder, function.file, field);
    if (function.interpreter.empty()) return by_itself(std::move(file), function.file, field);
    return with_interpreter(rules, function.interpreter, std::move(file), field);
}

static Entry entry_of(Instruction const& instruction, fs::path const& folder, WorkerRules const& rules)
{
    if (auto const manifest = AppManifest::read(folder))
        return manifest_entry(instruction, *manifest, folder, rules);
    if (!instruction.proxy.empty()) return named_entry(instruction.proxy, folder, rules);
    return default_entry(folder, rules);
}

static void forbid(std::optional<std::string> const& fault, std::string const& app)
{
    if (fault) throw Error(codes::forbidden, "this agent does not start the app \"" + app + "\": " + *fault);
}

/// What is started is what was looked at: the interpreter's real path, as the file's is one.
static fs::path trusted_program(Entry const& entry, std::string const& app)
{
    forbid(untrusted(entry.file, ::geteuid()), app);
    if (!entry.interpreter) return entry.file;
    std::error_code failure;
    auto real = fs::canonical(*entry.interpreter, failure);
    if (failure) refuse(proxy_field, "the interpreter \"" + entry.called + "\" is not there any more");
    forbid(untrusted_links(*entry.interpreter, ::geteuid()), app);
    forbid(untrusted(real, ::geteuid()), app);
    return real;
}

WorkerCommand worker_command(Instruction const& instruction, WorkerRules const& rules)
{
    WorkerCommand command;
    command.folder = app_folder(instruction, rules);
    auto const entry = entry_of(instruction, command.folder, rules);
    command.program = trusted_program(entry, instruction.app);
    if (entry.interpreter) command.argv.push_back(entry.called);
    command.argv.push_back(entry.file);
    command.argv.push_back(instruction.app);
    command.argv.push_back(instruction.func);
    auto encoded = base64(instruction.param);
    if (rules.param_by_input || instruction.param.size() > longest_argument_param) {
        command.argv.emplace_back("-");
        command.input = std::move(encoded);
    } else {
        command.argv.push_back(std::move(encoded));
    }
    return command;
}

} // namespace elves::agent
