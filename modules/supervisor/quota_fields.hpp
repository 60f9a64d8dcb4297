#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "elves/field_type.hpp"
#include "elves/json.hpp"
#include "elves/quota.hpp"

namespace elves {

/// A change of some members of a quota: an empty optional inside a given member resets it to the default.
struct QuotaChange {
    std::optional<std::optional<std::int64_t>> waiting_tasks, waiting_bytes, workers, cron_jobs,
        bytes_per_day;

    void apply_to(Quota& quota) const;
};

/// The members that are not the default, as JSON object of numbers: the column `quota` of `access_key`.
[[nodiscard]] std::string quota_column(Quota const& quota);
/// The quota that such a column holds. Throws std::runtime_error for what this server did not write.
[[nodiscard]] Quota quota_of_column(std::string_view column);
/// A change as a JSON merge patch (RFC 7396) of that column.
[[nodiscard]] std::string quota_patch(QuotaChange const& change);
/// As `quota` travels in replies: strings all, "" for the default.
[[nodiscard]] json::object quota_fields(Quota const& quota);
/// As `usage` travels in replies: strings all.
[[nodiscard]] json::object usage_fields(KeyUsage const& usage);

/// In a request: an object of whole numbers, or "" for the default. What is absent stays.
template <>
struct FieldType<QuotaChange> {
    static constexpr std::string_view name = "object";
    static constexpr Code missing = codes::bad_field;
    static QuotaChange read(std::string_view field, JsonValue const& value);
    static void judge(Caller const&, QuotaChange const&) {}
};

} // namespace elves
