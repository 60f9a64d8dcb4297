#include "ctl/terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace elves::ctl {

namespace {

constexpr std::size_t usual_columns = 80;

/// The state is good, bad, or not decided yet.
constexpr std::array good{"done", "online"};
constexpr std::array bad{
    "failed", "timeout", "lost", "undelivered", "expired", "refused", "offline", "unknown"};
constexpr std::array open{"waiting", "sent", "running", "queued", "skipped", "canceled", "unsent"};

template <class Words>
bool is_in(Words const& words, std::string_view word)
{
    return std::any_of(words.begin(), words.end(), [word](char const* other) { return word == other; });
}

std::string environment(char const* name)
{
    auto const* const value = std::getenv(name);
    return value ? value : "";
}

} // namespace

Terminal terminal_of(int descriptor)
{
    bool const is_terminal = ::isatty(descriptor) == 1;
    return {is_terminal, is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb"};
}

std::size_t columns_of(int descriptor)
{
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    auto const columns = std::strtoul(environment("COLUMNS").c_str(), nullptr, 10);
    return columns > 0 ? columns : usual_columns;
}

std::string painted(std::string_view word, bool has_color)
{
    std::string const text(word);
    if (!has_color) return text;
    auto const* const color = is_in(good, word)   ? "\x1b[32m"
                              : is_in(bad, word)  ? "\x1b[31m"
                              : is_in(open, word) ? "\x1b[33m"
                                                  : nullptr;
    return color ? color + text + "\x1b[0m" : text;
}

std::string emphasized(std::string const& text, bool has_color)
{
    return has_color ? "\x1b[1m" + text + "\x1b[0m" : text;
}

} // namespace elves::ctl
