#include "log/log_setup.hpp"

#include <filesystem>

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
