#include "log/log_setup.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "log/log_lines.hpp"

namespace elves {

static void check_file_name(Section const& section, std::string const& file)
{
    auto const folder = std::filesystem::absolute(file).parent_path();
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        section.refuse("file", "there is no folder " + folder.string() + "; make it, or give another path");
    if (std::filesystem::is_directory(file, ignored))
        section.refuse("file", file + " is a folder; give the path of a file");
}

void LogSettings::require_writable_file() const
{
    if (file.empty()) return;
    bool const exists = ::access(file.c_str(), F_OK) == 0;
    auto const asked = exists ? file : std::filesystem::absolute(file).parent_path().string();
    if (::faccessat(AT_FDCWD, asked.c_str(), exists ? W_OK : W_OK | X_OK, AT_EACCESS) == 0) return;
    throw cannot_open_log(file, errno);
}

LogSettings LogSettings::read(Section const& section)
{
    LogSettings log;
    auto const level = section.choice("level", "info", {"debug", "info", "warning", "error"});
    log.level = level == "debug"     ? log::Level::debug
                : level == "warning" ? log::Level::warning
                : level == "error"   ? log::Level::error
                                     : log::Level::info;
    log.file = section.text("file", "");
    if (!log.file.empty()) check_file_name(section, log.file);
    log.to_stderr = section.choice("stderr", "true", {"true", "false"}) == "true";
    return log;
}

} // namespace elves
