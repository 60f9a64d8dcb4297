#include "elves/task.hpp"

#include <algorithm>
#include <array>

namespace elves {

namespace {

constexpr std::array<std::string_view, 3> types{"rt", "async", "cron"};
constexpr std::array<std::string_view, 11> statuses{"waiting", "sent", "running", "done", "failed", "timeout",
    "canceled", "expired", "undelivered", "skipped", "lost"};

template <class Enum, std::size_t size>
std::optional<Enum> parse(std::array<std::string_view, size> const& names, std::string_view text) noexcept
{
    auto const found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

} // namespace

std::string_view type_text(TaskType type) noexcept { return types[static_cast<std::size_t>(type)]; }
std::string_view status_text(TaskStatus status) noexcept
{
    return statuses[static_cast<std::size_t>(status)];
}
std::optional<TaskType> parse_type(std::string_view text) noexcept { return parse<TaskType>(types, text); }
std::optional<TaskStatus> parse_status(std::string_view text) noexcept
{
    return parse<TaskStatus>(statuses, text);
}

} // namespace elves
