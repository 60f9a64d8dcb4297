#include "agent/deploy_step.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "agent/app_folders.hpp"
#include "agent/spawn.hpp"
#include "elves/error.hpp"
#include "elves/json_document.hpp"
#include "elves/json_fields.hpp"

namespace elves::agent {

namespace {

/// Files, folders and links of a package.
constexpr std::int64_t most_entries = 20'000;
constexpr std::chrono::hours longest_wait(24);

std::string text_in(JsonDocument const& step, std::string_view field)
{
    auto const* const value = step.find(field);
    return value && value->is_string() ? std::string(value->string()) : std::string();
}

std::int64_t number_in(JsonDocument const& step, std::string_view field)
{
    auto const* const value = step.find(field);
    return value ? whole_number(*value).value_or(0) : 0;
}

DeployStep read_step(std::string const& text)
{
    auto const step = JsonDocument::parse(text);
    Deployment deployment{
        text_in(step, "app"), text_in(step, "version"), text_in(step, "sha256"), number_in(step, "size"), {}};
    return {text_in(step, "apps"), text_in(step, "package"), std::move(deployment),
        number_in(step, "max_unpacked")};
}

std::string do_step(DeployStep const& step)
{
    AppFolders const folders(step.apps);
    // Deployments of other apps come one after the other; the task's timeout bounds the wait.
    auto const held = folders.lock(longest_wait);
    if (step.package.empty()) return folders.roll_back(step.deployment.app);
    return folders.install(step.deployment, step.package, {step.max_unpacked, most_entries});
}

/// Names in a package are not ours: none of them may look like a tag.
void answer(bool is_done, std::string result)
{
    std::replace(result.begin(), result.end(), '<', '(');
    auto const text = std::string("<ElvesWFlag>") + (is_done ? "true" : "false") +
                      "</ElvesWFlag>\n<ElvesWResult>" + result + "</ElvesWResult>\n";
    [[maybe_unused]] auto const told = ::write(result_fd, text.data(), text.size());
}

} // namespace

WorkerCommand DeployStep::command() const
{
    WorkerCommand command;
    // The file that this process runs, also after an upgrade has put another one in its place.
    command.program = "/proc/self/exe";
    command.argv = {"elves-agent", std::string(deploy_step_argument)};
    command.folder = apps;
    command.input = json::serialize(json::object{{"apps", apps.string()}, {"package", package.string()},
        {"app", deployment.app}, {"version", deployment.version}, {"sha256", deployment.sha256},
        {"size", deployment.size}, {"max_unpacked", max_unpacked}});
    return command;
}

int run_deploy_step()
{
    constexpr mode_t others_read = 022;
    ::umask(others_read);
    try {
        std::string const text(std::istreambuf_iterator<char>(std::cin), {});
        auto const done = do_step(read_step(text));
        answer(true, done);
    } catch (Error const& problem) {
        answer(false, problem.info());
    } catch (std::exception const& problem) {
        answer(false, problem.what());
    }
    return 0;
}

} // namespace elves::agent
