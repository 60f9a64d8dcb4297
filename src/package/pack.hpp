#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace elves {

/// The file in an app's folder that holds its version.
inline constexpr char const* version_file = "VERSION";
/// The file that an agent adds to an app's folder when it deploys a package. No package may have it.
inline constexpr char const* deployed_file = ".deployed";

/// Packs an app's folder: tar, compressed by zstd, or by gzip where the library has no zstd. The same files
/// give the same bytes: entries are sorted, owner and time are fixed, modes are 0755 or 0644. Folders of
/// version control (`.git`, `.hg`, `.svn`) and `__pycache__` are left out. A `VERSION` file with `version` is
/// added where there is none.
///
/// Throws std::runtime_error, which names the file: a `VERSION` that says something else, a link that leads
/// out of the folder, a file that is none of regular file, folder and link, more than `most_bytes` of
/// package.
[[nodiscard]] std::string pack(
    std::filesystem::path const& folder, std::string const& version, std::size_t most_bytes);

} // namespace elves
