#pragma once

#include <filesystem>
#include <string>

namespace elves {

/// What can be read of a file: "" of one that is not there. An error in the midst of it, as of a process in
/// /proc that has just ended, or of a folder, ends the text and is no exception. For small files of the
/// system; it blocks.
[[nodiscard]] std::string file_text(std::filesystem::path const& path);

} // namespace elves
