#pragma once

#include <optional>
#include <string>
#include <vector>

namespace elves {

/// What may stand under the name of a secret file.
enum class SecretSource {
    file,        ///< A regular file for its owner alone.
    file_or_pipe ///< Or a pipe, as a shell's `<(command)` gives it. Blocks until its writer has closed it.
};

/// Reads a small text file with a secret in it, such as a token or a key file of this project. The one reader
/// for all of them, so that they are trimmed alike: a byte order mark, carriage returns, blanks at both ends
/// of each line, and blank lines before the first and after the last line do not count. Returns the lines;
/// std::nullopt where there is no such file. At most 4,096 bytes. Throws std::runtime_error, one line that
/// names the file and what mends it: others than its owner may use it, it cannot be read, it is larger, or it
/// is not UTF-8 text.
[[nodiscard]] std::optional<std::vector<std::string>> read_secret_file(
    std::string const& path, SecretSource source = SecretSource::file);

} // namespace elves
