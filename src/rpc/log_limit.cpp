#include "rpc/log_limit.hpp"

#include <chrono>

#include "elves/log.hpp"
#include "elves/rate_limit_key.hpp"

namespace elves {

namespace {

constexpr std::size_t lines_a_minute = 10;
/// Events of further addresses share one allowance for each event.
constexpr std::size_t max_sources = 1024;

} // namespace

bool LogLimit::admits(std::string_view event, Ip const& peer)
{
    if (!is_counting_) {
        is_counting_ = true;
        end_of_minute_ = clock_.after(std::chrono::minutes(1), [this] { end_minute(); });
    }
    Source source{event, rate_limit_key(peer)};
    if (minute_.size() >= max_sources && !minute_.contains(source)) source.second = Ip();
    auto& lines = minute_[std::move(source)];
    if (lines.written < lines_a_minute) {
        ++lines.written;
        return true;
    }
    ++lines.left_out;
    return false;
}

void LogLimit::end_minute()
{
    is_counting_ = false;
    for (auto const& [source, lines] : std::exchange(minute_, {})) {
        if (lines.left_out == 0) continue;
        auto const& [event, peer] = source;
        auto const from = peer == Ip() ? std::string("others") : peer.text();
        ELVES_LOG(warning, "log.lines_left_out event=" << event << " peer=" << from
                                                       << " lines=" << lines.left_out << " seconds=60");
    }
}

} // namespace elves
