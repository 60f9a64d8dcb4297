#pragma once

#include <string>

#include "elves/settings.hpp"

namespace elves {

/// Reads a settings file that nobody but root and this process's user can change: neither the file, nor a
/// folder above it, nor a link on the way to it. A descriptor that the process was started with
/// (`/dev/stdin`,
/// `/dev/fd/3`) is trusted, and so is `/dev/null`. Throws SettingsError that names what others could change,
/// and the command that mends it.
[[nodiscard]] Settings read_trusted_settings(std::string const& path);

} // namespace elves
