#include "log/log_lines.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "core/steering.hpp"

namespace elves {

namespace {

constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};

void append_escaped(std::string& line, std::string_view text)
{
    while (!text.empty()) {
        auto const steers = steering(text);
        for (char const c : text.substr(0, steers)) {
            std::array<char, 8> hex{};
            std::snprintf(
                hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            line += c == '\n' ? "\\n" : hex.data();
        }
        if (steers == 0) line += text.front();
        text.remove_prefix(std::max<std::size_t>(steers, 1));
    }
}

/// Appends, so that two writers do not overwrite each other; what a full disk refuses is lost.
void write_to(int fd, std::string_view line)
{
    while (!line.empty()) {
        auto const got = ::write(fd, line.data(), line.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        line.remove_prefix(static_cast<std::size_t>(got));
    }
}

int open_file(std::string const& file)
{
    int const fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) throw cannot_open_log(file, errno);
    return fd;
}

} // namespace

std::runtime_error cannot_open_log(std::string const& file, int errno_code)
{
    return std::runtime_error("log file " + file + ": cannot be opened: " + std::strerror(errno_code) +
                              "; check folder and permissions, or name another file");
}

std::string log_line(std::chrono::system_clock::time_point at, log::Level level, std::string_view text)
{
    auto const since = at.time_since_epoch();
    auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
    auto const ms = std::chrono::floor<std::chrono::milliseconds>(since - seconds).count();
    auto const time = static_cast<std::time_t>(seconds.count());
    std::tm parts{};
    ::localtime_r(&time, &parts);
    std::array<char, 48> head{};
    auto used = std::strftime(head.data(), head.size(), "%Y-%m-%d %H:%M:%S", &parts);
    std::snprintf(head.data() + used, head.size() - used, ".%03d ", static_cast<int>(ms));
    std::string line(head.data());
    line += names.at(static_cast<std::size_t>(level));
    line += ' ';
    append_escaped(line, text);
    line += '\n';
    return line;
}

LogLines::LogLines(std::string file, bool to_stderr) : file_(std::move(file)), to_stderr_(to_stderr)
{
    if (!file_.empty()) fd_ = open_file(file_);
}

LogLines::~LogLines()
{
    if (fd_ >= 0) ::close(fd_);
}

void LogLines::write(std::string_view line)
{
    if (to_stderr_) write_to(STDERR_FILENO, line);
    if (fd_ >= 0) write_to(fd_, line);
}

void LogLines::reopen()
{
    if (file_.empty()) return;
    int const fresh = open_file(file_);
    ::close(std::exchange(fd_, fresh));
}

} // namespace elves
