#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "elves/keyed_hash.hpp"

namespace elves {

/// The id of a task or a cron job: 64 bits, shown as 16 upper-case hex digits.
class TaskId {
public:
    TaskId() = default;
    explicit constexpr TaskId(std::uint64_t value) noexcept : value_(value) {}
    /// A new one from the system's secure random source; some that follow one another begin alike. Throws
    /// std::runtime_error where there is none.
    [[nodiscard]] static TaskId random();
    /// Nothing unless `text` is exactly 16 hex digits; lower case is understood.
    [[nodiscard]] static std::optional<TaskId> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }
    friend auto operator<=>(TaskId const&, TaskId const&) = default;

private:
    std::uint64_t value_ = 0;
};

} // namespace elves

template <>
struct std::hash<elves::TaskId> {
    std::size_t operator()(elves::TaskId const& id) const noexcept
    {
        return elves::keyed_hash(id.value(), 0);
    }
};
