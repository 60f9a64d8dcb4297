#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "ctl/session.hpp"
#include "elves/json.hpp"
#include "elves/zone.hpp"

namespace elves::ctl {

/// The server's time zone, asked for when it is first needed: the times of day in replies are in it.
class ServerZone {
public:
    explicit ServerZone(Session& session) : session_(session) {}
    /// Nothing where the server does not say, or this machine does not know the zone.
    [[nodiscard]] std::optional<Zone> const& get();

private:
    Session& session_;
    bool is_asked_ = false;
    std::optional<Zone> zone_;
};

/// Whether a field of that name carries a time of day of the server's.
[[nodiscard]] bool is_time_field(std::string_view name);
/// Whether `text` is `YYYY-MM-DD HH:MM:SS`, with `.mmm` or without.
[[nodiscard]] bool is_time_of_day(std::string_view text);
/// Whether `value` holds any time of the server's without an offset.
[[nodiscard]] bool has_times(json::value const& value);

/// `text` with the zone's offset at that moment behind it: `2026-11-29 21:20:00+01:00`. What is not a time of
/// day stays as it is.
[[nodiscard]] std::string with_offset(std::string const& text, Zone const& zone);
/// The same of every time field in `value`. What callers wrote themselves (`ins`, `param`) stays as it is.
[[nodiscard]] json::value with_offsets(json::value value, Zone const& zone);
/// `3 min ago` of a time of day of the server's; "" where it is none.
[[nodiscard]] std::string age_of(std::string const& text, Zone const& zone, Instant now);

/// Of `90s`, `1h30m`, `90d`; nothing where `text` is no duration. At most a century.
[[nodiscard]] std::optional<std::chrono::seconds> typed_duration(std::string_view text);

/// How a date without a time is completed, and where a duration leads.
enum class Bound { from, until, future };

/// A moment as people type it, as the server takes it (`YYYY-MM-DD HH:MM:SS` in its zone): a duration such as
/// `90s`, `30m`, `1h30m`, `2d` or `1w` before now (`Bound::future`: after now); a date; a date and time, with
/// a blank or `T`, seconds optional; the same with `Z` or `+01:00`. Throws Usage, which names `option`.
[[nodiscard]] std::string server_time(
    std::string_view option, std::string const& typed, Bound bound, ServerZone& zone, Instant now);

} // namespace elves::ctl
