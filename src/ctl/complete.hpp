#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/outcome.hpp"

namespace elves::ctl {

/// The command that the shells' completion scripts call; it is not in the help.
inline constexpr std::string_view complete_command = "__complete";

/// Prints what may stand in the place of the last of `words`, one candidate a line: `WORD`, or `WORD<tab>WHAT
/// IT IS`. A line `:file PREFIX` or `:folder PREFIX` asks the shell for paths that are written behind PREFIX.
/// Values that only the server knows are asked of it for at most two seconds; errors print nothing.
[[nodiscard]] Exit complete(std::vector<std::string> const& words);

} // namespace elves::ctl
