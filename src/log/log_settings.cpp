#include "log/log_setup.hpp"

namespace elves {

LogSettings LogSettings::read(Section const& section)
{
    LogSettings log;
    auto const level = section.choice("level", "info", {"debug", "info", "warning", "error"});
    log.level = level == "debug"     ? log::Level::debug
                : level == "warning" ? log::Level::warning
                : level == "error"   ? log::Level::error
                                     : log::Level::info;
    log.file = section.text("file", "");
    log.to_stderr = section.choice("stderr", "true", {"true", "false"}) == "true";
    return log;
}

} // namespace elves
