#include "elves/task_id.hpp"

#include <algorithm>
#include <charconv>

#include "core/random_ids.hpp"

namespace elves {
namespace {
constexpr std::size_t digits = 16;
}

TaskId TaskId::random()
{
    // 0 is what a default-made id holds: never given out.
    for (;;) {
        if (auto const value = random_id_bits(); value != 0) return TaskId(value);
    }
}

std::optional<TaskId> TaskId::parse(std::string_view text)
{
    std::uint64_t value = 0;
    auto const [end, fault] = std::from_chars(text.begin(), text.end(), value, 16);
    if (text.size() != digits || fault != std::errc() || end != text.end()) return std::nullopt;
    return TaskId(value);
}

std::string TaskId::text() const
{
    std::string text(digits, '0');
    auto rest = value_;
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, rest >>= 4U)
        *digit = "0123456789ABCDEF"[rest & 15U];
    return text;
}

} // namespace elves
