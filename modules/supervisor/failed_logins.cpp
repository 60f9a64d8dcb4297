#include "failed_logins.hpp"

#include <algorithm>
#include <chrono>

namespace elves {

std::string key_start(std::string_view shown)
{
    constexpr std::size_t most = 8;
    if (shown.empty()) return "-";
    std::string start(shown.substr(0, std::min(most, shown.size() / 2)));
    for (auto& c : start) {
        bool const is_plain = c > ' ' && c <= '~';
        if (!is_plain) c = '?'; // A stranger's text is no part of a log line's form.
    }
    return start + "...";
}

void FailedLogins::note(std::string_view shown_key, Ip const& from, Instant now)
{
    auto const start = key_start(shown_key);
    auto const is_same = [&](Failure const& one) { return one.key == start && one.from == from; };
    auto const known = std::find_if(failures_.begin(), failures_.end(), is_same);
    if (known != failures_.end()) {
        failures_.splice(failures_.begin(), failures_, known);
    } else {
        if (failures_.size() >= most_) failures_.pop_back();
        failures_.push_front({start, from, 0, now});
    }
    ++failures_.front().count;
    failures_.front().last = now;
}

std::vector<std::string> FailedLogins::lines(Instant now, Zone const& zone) const
{
    constexpr std::chrono::hours day(24);
    std::vector<std::string> all;
    for (auto const& one : failures_) {
        if (now - one.last > day) continue;
        all.push_back("wrong key or token: key " + one.key + " from " + one.from.text() + ", " +
                      std::to_string(one.count) + (one.count == 1 ? " time" : " times") + ", last at " +
                      zone.text(one.last));
    }
    return all;
}

} // namespace elves
