#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "ctl/terminal.hpp"

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace elves::ctl {

namespace {

bool has_desktop()
{
    auto const is_set = [](char const* name) {
        auto const* const value = std::getenv(name);
        return value && *value;
    };
    return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
}

/// Whether the desktop took it. The link stands in the list of processes meanwhile; it counts once, and this
/// browser is the first to use it.
bool open_in_browser(std::string link)
{
    std::string program = "xdg-open";
    std::array<char*, 3> arguments{program.data(), link.data(), nullptr};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    for (int const fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    pid_t child = 0;
    auto const failure = posix_spawnp(&child, program.c_str(), &quiet, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&quiet);
    int status = 0;
    return failure == 0 && waitpid(child, &status, 0) == child && status == 0;
}

Exit console(Context const& with)
{
    auto const reply = with.session.call("console", "newlink");
    auto const link = plain_field(reply, "link");
    bool const is_wanted = !with.args.has("--no-open") && !with.out.is_json();
    if (is_wanted && has_desktop() && open_in_browser(link)) {
        with.out.note("opened in the browser");
        return Exit::well;
    }
    with.out.fields(reply);
    with.out.note("the link counts once, for " + plain_field(reply, "ttl") + " seconds");
    return Exit::well;
}

} // namespace

std::span<Command const> console_commands()
{
    static std::vector<Command> const all{
        {"console",
            "Print a link that logs a browser in to the web console, once, within a minute; on a desktop "
            "open it.",
            {flag("--no-open", "Only print it.")}, console},
    };
    return all;
}

} // namespace elves::ctl
