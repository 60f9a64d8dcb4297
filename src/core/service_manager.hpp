#pragma once

#include <initializer_list>
#include <string>

namespace elves {

/// systemd is this machine's service manager, and runs.
[[nodiscard]] bool has_systemd();

/// Runs `systemctl` with these words and waits for its end; its output goes to standard error. Throws
/// std::runtime_error where it can't be run or fails. Blocks: for commands, not for servers.
void systemctl(std::initializer_list<std::string> words);

} // namespace elves
