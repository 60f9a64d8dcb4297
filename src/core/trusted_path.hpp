#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

struct stat;

namespace elves {

/// Who but root and `own` could change what is at `real` (absolute, without links): what is wrong with which
/// part of the path, and the command that mends it. Nothing where nobody could.
///
/// From `/` down, each part opened under the one before it: once a folder is seen to be safe, nobody can put
/// another thing into it between this look and the use.
[[nodiscard]] std::optional<std::string> untrusted(std::filesystem::path const& real, uid_t own);

/// The same of each folder in which a link lies on the way that the absolute `path` goes: who may write there
/// says where it leads. Nothing of what is at the end.
[[nodiscard]] std::optional<std::string> untrusted_links(std::filesystem::path const& path, uid_t own);

/// The same of one thing, whatever leads to it; `path` is its name in the text.
[[nodiscard]] std::optional<std::string> untrusted(
    struct stat const& about, std::filesystem::path const& path, uid_t own);

/// The two above together: `path` may be relative, and lead over links. Also where there is nothing at its
/// end.
[[nodiscard]] std::optional<std::string> untrusted_anywhere(std::filesystem::path const& path, uid_t own);

} // namespace elves
