#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace elves {

/// Bytes that the path of a Unix socket may have (the kernel's `sun_path`, without its final NUL).
inline constexpr std::size_t max_socket_path = 107;

/// The folder where packages have the server put its socket, and that socket.
inline constexpr char const* packaged_socket_folder = "/run/elves";
inline constexpr char const* packaged_socket = "/run/elves/elvesd.sock";

/// Who, beside root and `own`, could put another file into the folder `real` (absolute, without links): what
/// is wrong with which part of the path, and what mends it. Nothing where nobody could. Looks at each folder
/// from
/// `/` down; one with the sticky bit (`/tmp`) may lead there, but the last one may not have it.
[[nodiscard]] std::optional<std::string> writable_by_others(std::filesystem::path const& real, uid_t own);

/// The owner of that folder, where nobody but root and that owner could put a file into it. Nothing
/// otherwise, or where there is no such folder.
[[nodiscard]] std::optional<uid_t> sole_owner(std::filesystem::path const& folder);

} // namespace elves
