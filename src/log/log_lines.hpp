#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "elves/log.hpp"

namespace elves {

/// A record as one line with its end. Control characters in `text` are escaped: a peer's text can't forge
/// lines.
[[nodiscard]] std::string log_line(
    std::chrono::system_clock::time_point at, log::Level level, std::string_view text);

/// The one line for a log file that the system refuses with `errno_code`.
[[nodiscard]] std::runtime_error cannot_open_log(std::string const& file, int errno_code);

/// Where lines go: stderr, a file, or both.
class LogLines {
public:
    /// Throws std::runtime_error where `file` can't be opened.
    LogLines(std::string file, bool to_stderr);
    ~LogLines();
    LogLines(LogLines const&) = delete;
    LogLines& operator=(LogLines const&) = delete;

    void write(std::string_view line);
    /// Throws std::runtime_error, and then goes on with the file it has.
    void reopen();

private:
    std::string file_;
    bool to_stderr_;
    int fd_ = -1;
};

} // namespace elves
