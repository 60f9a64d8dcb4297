#pragma once

#include <optional>
#include <string>

namespace elves::agent {

/// The first line of a file that holds a secret; nothing where there is no such file. Throws
/// std::runtime_error, one line with what mends it, where others may read the file, or it can't be read.
[[nodiscard]] std::optional<std::string> read_secret(std::string const& path);

/// The token that an agent made for itself, in a file; nothing where there is no such file. Throws as above,
/// and where something else stands in it.
[[nodiscard]] std::optional<std::string> read_own_token(std::string const& path);

/// Makes one, and the file, mode 0600: on disk when this returns. Throws std::runtime_error where there is
/// such a file already, or none can be made.
[[nodiscard]] std::string make_own_token(std::string const& path);

} // namespace elves::agent
