#include "audit/denied_limit.hpp"

#include <algorithm>
#include <utility>

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t most_of_one = 100;
constexpr std::int64_t most_of_all = 500;
constexpr Clock::Steady::duration each_of_one = 10s;
constexpr Clock::Steady::duration each_of_all = 1s;
constexpr std::size_t most_told = 20;

} // namespace

bool DeniedLimit::Bucket::take(std::int64_t most, Clock::Steady::duration each, Clock::Steady now)
{
    auto const came = (now - filled) / each;
    filled += came * each;
    left = std::min<std::int64_t>(most, left + came);
    if (left == 0) return false;
    --left;
    return true;
}

DeniedLimit::Source& DeniedLimit::of(Ip const& from, Clock::Steady now)
{
    auto const known = by_ip_.find(from);
    if (known != by_ip_.end()) {
        sources_.splice(sources_.begin(), sources_, known->second);
        return sources_.front();
    }
    if (by_ip_.empty()) all_ = {most_of_all, now};
    if (by_ip_.size() >= most_) {
        forgotten_ += sources_.back().count.more;
        by_ip_.erase(sources_.back().ip);
        sources_.pop_back();
    }
    sources_.push_front({from, {most_of_one, now}});
    by_ip_.emplace(from, sources_.begin());
    return sources_.front();
}

bool DeniedLimit::takes(Ip const& from, std::string_view method, std::string_view code, Clock::Steady now)
{
    auto& source = of(from, now);
    if (source.bucket.take(most_of_one, each_of_one, now) && all_.take(most_of_all, each_of_all, now))
        return true;
    source.count.method = method;
    source.count.code = code;
    ++source.count.more;
    return false;
}

std::vector<DeniedLimit::Count> DeniedLimit::take()
{
    std::vector<Count> counts;
    for (auto& source : sources_) {
        if (source.count.more == 0) continue;
        source.count.address = source.ip.text();
        counts.push_back(std::exchange(source.count, {}));
    }
    std::sort(counts.begin(), counts.end(), [](Count const& a, Count const& b) { return a.more > b.more; });
    auto others = std::exchange(forgotten_, 0);
    for (std::size_t i = most_told; i < counts.size(); ++i) others += counts[i].more;
    if (counts.size() > most_told) counts.resize(most_told);
    if (others > 0) counts.push_back({"", "", "401", others});
    return counts;
}

} // namespace elves
