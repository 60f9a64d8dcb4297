#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace elves::ctl {

/// A line on stderr that is written over and over; nothing where stderr is no terminal.
class Progress {
public:
    explicit Progress(std::size_t all) : all_(all), is_shown_(all > 1 && ::isatty(STDERR_FILENO) == 1) {}
    ~Progress() { clear(); }
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;

    void show(std::size_t answered, std::size_t bad) const
    {
        if (!is_shown_) return;
        auto const text = "\r\x1b[K" + std::to_string(answered) + " of " + std::to_string(all_) +
                          " answered, " + std::to_string(bad) + " not well";
        std::fputs(text.c_str(), stderr);
    }
    /// Before anything else is written to the terminal.
    void clear() const
    {
        if (is_shown_) std::fputs("\r\x1b[K", stderr);
    }

private:
    std::size_t all_;
    bool is_shown_;
};

} // namespace elves::ctl
