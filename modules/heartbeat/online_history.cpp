#include "online_history.hpp"

#include <algorithm>

namespace elves {

namespace {

Instant beginning_of(std::chrono::minutes width, Instant at)
{
    auto const whole = std::chrono::milliseconds(width).count();
    auto const since = at.time_since_epoch().count();
    return Instant(std::chrono::milliseconds(since - since % whole));
}

} // namespace

bool OnlineHistory::is_due(Instant now) const
{
    return counts_.empty() || beginning_of(step, now) != counts_.back().at;
}

OnlineCount OnlineHistory::add(Instant now, std::int64_t online, std::int64_t known)
{
    OnlineCount const count{beginning_of(step, now), online, known};
    // The clock may have been set back.
    while (!counts_.empty() && counts_.back().at >= count.at) counts_.pop_back();
    counts_.push_back(count);
    while (counts_.front().at < now - kept) counts_.pop_front();
    return count;
}

std::vector<OnlineCount> OnlineHistory::grouped(Instant now, std::chrono::minutes width) const
{
    std::vector<OnlineCount> groups;
    for (auto const& count : counts_) {
        if (count.at < now - kept) continue;
        auto const at = beginning_of(width, count.at);
        if (groups.empty() || groups.back().at != at) {
            groups.push_back({at, count.online, count.known});
            continue;
        }
        groups.back().online = std::min(groups.back().online, count.online);
        groups.back().known = std::max(groups.back().known, count.known);
    }
    return groups;
}

} // namespace elves
