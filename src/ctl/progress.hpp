#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <unistd.h>

#include "ctl/printable.hpp"
#include "ctl/terminal.hpp"

namespace elves::ctl {

/// A line on stderr that is rewritten in place. Nothing is written where stderr is not a terminal, or for one
/// agent alone.
class Progress {
public:
    explicit Progress(std::size_t all) : all_(all), is_shown_(all > 1 && ::isatty(STDERR_FILENO) == 1) {}
    ~Progress() { clear(); }
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;

    void show(std::size_t answered, std::size_t bad) const
    {
        if (!is_shown_) return;
        auto const line = std::to_string(answered) + " of " + std::to_string(all_) + " answered, " +
                          std::to_string(bad) + " not well";
        // A line that wraps leaves its first row behind when it is rewritten.
        auto const text = "\r\x1b[K" + cut_to(line, columns_of(STDERR_FILENO) - 1);
        std::fputs(text.c_str(), stderr);
    }
    /// Call it before anything else is written to the terminal.
    void clear() const
    {
        if (is_shown_) std::fputs("\r\x1b[K", stderr);
    }

private:
    std::size_t all_;
    bool is_shown_;
};

} // namespace elves::ctl
