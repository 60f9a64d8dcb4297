#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace elves {

/// A moment: UTC, milliseconds since 1970.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

/// A time zone of the system's tz database. A small value: copy it freely. The database is loaded once a
/// process.
class Zone {
public:
    /// UTC.
    Zone();
    /// Nothing where the machine knows no zone of that name.
    [[nodiscard]] static std::optional<Zone> named(std::string_view iana);
    /// The machine's own zone; UTC where it doesn't say.
    [[nodiscard]] static Zone of_machine();

    [[nodiscard]] std::string name() const;
    /// `YYYY-MM-DD HH:MM:SS` in this zone.
    [[nodiscard]] std::string text(Instant at) const;
    /// The reverse of `text`; of a time that occurs twice the earlier, of one left out the moment of the
    /// change. Nothing where `text` is no such time of day.
    [[nodiscard]] std::optional<Instant> parse(std::string_view text) const;

    [[nodiscard]] std::chrono::local_seconds wall(std::chrono::sys_seconds at) const;
    /// The last moment with that wall time: of one that occurs twice the second (standard time).
    /// Nothing for a wall time that a clock change leaves out.
    [[nodiscard]] std::optional<std::chrono::sys_seconds> last_moment(std::chrono::local_seconds wall) const;
    /// The first wall time from `wall` on that exists: itself, or the end of the gap that it lies in.
    [[nodiscard]] std::chrono::local_seconds past_gap(std::chrono::local_seconds wall) const;

private:
    explicit Zone(date::time_zone const* zone) : zone_(zone) {}
    date::time_zone const* zone_; ///< Null is UTC, which works without a tz database. Owned by the database.
};

/// `2026-01-01T00:00:00Z`; a fraction of a second is cut off.
[[nodiscard]] std::string iso_text(Instant at);
/// ISO-8601 UTC as above, with up to nine digits of fraction (kept to the millisecond); nothing otherwise.
[[nodiscard]] std::optional<Instant> parse_iso(std::string_view text);

} // namespace elves
