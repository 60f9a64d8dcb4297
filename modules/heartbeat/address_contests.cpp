#include "address_contests.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace elves {

namespace {

constexpr std::chrono::minutes remembered{5};
constexpr std::chrono::minutes of_replaced_links{1};
constexpr std::chrono::minutes between_log_lines{1};
constexpr std::ptrdiff_t events_of_a_contest = 3;
constexpr std::size_t most_events = 16;
constexpr std::size_t most_addresses = 1'000;

} // namespace

void AddressContests::forget_old(Contest& contest, Clock::Steady now)
{
    auto& events = contest.events;
    while (!events.empty() && (now - events.front().at > remembered || events.size() > most_events))
        events.pop_front();
}

/// "" where it is no contest.
std::string AddressContests::line(Ip const& agent, Contest const& contest, Clock::Steady now)
{
    auto const& events = contest.events;
    auto const count = [&](How how, Clock::Steady::duration within) {
        return std::count_if(events.begin(), events.end(), [&](Event const& event) {
            return event.claim.how == how && event.claim.by != event.claim.holder && now - event.at <= within;
        });
    };
    bool const is_contested = count(How::replaced, of_replaced_links) >= events_of_a_contest ||
                              count(How::refused, remembered) >= events_of_a_contest;
    if (!is_contested) return {};
    auto const& last = events.back().claim;
    return "agent=" + agent.text() + ": two machines claim it in turn, " + last.holder + " and " + last.by +
           ": give each its own [agent] ip, or stop one of them";
}

void AddressContests::make_room(Clock::Steady now)
{
    if (contests_.size() < most_addresses) return;
    for (auto at = contests_.begin(); at != contests_.end();) {
        forget_old(at->second, now);
        at = at->second.events.empty() ? contests_.erase(at) : std::next(at);
    }
}

std::optional<std::string> AddressContests::note(Ip const& agent, Claim claim, Clock::Steady now)
{
    if (claim.by == claim.holder) return std::nullopt;
    make_room(now);
    if (contests_.size() >= most_addresses && !contests_.contains(agent)) return std::nullopt;
    auto& contest = contests_[agent];
    contest.events.push_back({now, std::move(claim)});
    forget_old(contest, now);
    if (contest.logged && now - *contest.logged < between_log_lines) return std::nullopt;
    auto text = line(agent, contest, now);
    if (text.empty()) return std::nullopt;
    contest.logged = now;
    return text;
}

std::vector<std::string> AddressContests::lines(Clock::Steady now) const
{
    std::vector<std::string> all;
    for (auto const& [agent, contest] : contests_) {
        // Of the last five minutes, as it was at its last claim: the warning stays for as long as they are
        // remembered.
        if (contest.events.empty() || now - contest.events.back().at > remembered) continue;
        if (auto text = line(agent, contest, contest.events.back().at); !text.empty())
            all.push_back("agent.contested " + text);
    }
    return all;
}

} // namespace elves
