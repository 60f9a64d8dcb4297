#pragma once

#include <cstdint>
#include <filesystem>

namespace elves {

struct UnpackLimits {
    std::int64_t bytes = 0;   ///< Of all files together.
    std::int64_t entries = 0; ///< Files, folders and links.
};

/// Unpacks a tar file (plain, gzip or zstd) into an empty folder. It takes regular files, folders, and
/// symbolic links that stay inside; modes become 0755 or 0644, the owner is whoever calls this. It never
/// follows a link and never writes over what is there.
///
/// Throws std::runtime_error, which names the entry: an absolute path or one with `..`, a name twice, a hard
/// link, a device, a set-user-ID bit, more than the limits, a damaged archive, a full disk. What was unpacked
/// until then stays in the folder.
void unpack(std::filesystem::path const& archive, std::filesystem::path const& folder, UnpackLimits limits);

} // namespace elves
