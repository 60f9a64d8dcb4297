#pragma once

#include <stdexcept>
#include <string>

#include "elves/json.hpp"

namespace elves::ctl {

/// What the process ends with.
enum class Exit : int { well = 0, task_failed = 1, usage = 2, refused = 3, interrupted = 130 };

/// What was typed can't be meant. Nothing was sent.
class Usage : public std::runtime_error {
public:
    explicit Usage(std::string const& text) : std::runtime_error(text) {}
};

/// The server said no; `what()` is its `error_info`.
class Refused : public std::runtime_error {
public:
    Refused(std::string const& error_info, json::object reply)
        : std::runtime_error(error_info), reply_(std::move(reply))
    {
    }
    [[nodiscard]] json::object const& reply() const noexcept { return reply_; }

private:
    json::object reply_;
};

} // namespace elves::ctl
