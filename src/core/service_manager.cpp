#include "core/service_manager.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace elves {

bool has_systemd()
{
    // As sd_booted(3) asks.
    std::error_code ignored;
    return std::filesystem::is_directory("/run/systemd/system", ignored);
}

void systemctl(std::initializer_list<std::string> words)
{
    std::string command = "systemctl";
    std::vector<std::string> all{command};
    for (auto const& word : words) {
        all.push_back(word);
        command += " " + word;
    }
    std::vector<char*> argv;
    for (auto& word : all) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t child = 0;
    auto const failure = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) throw std::runtime_error(command + " can't be run: " + std::strerror(failure));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(command + " failed; what it says is above");
}

} // namespace elves
