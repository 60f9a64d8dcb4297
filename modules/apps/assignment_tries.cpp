#include "assignment_tries.hpp"

#include <algorithm>

namespace elves {

namespace {

/// As many as there are agents at most; beyond that nothing new is tried.
constexpr std::size_t most_tries = 200'000;

AssignmentTries::Seconds pause_after(int failures)
{
    auto pause = AssignmentTries::first_pause;
    for (int i = 1; i < failures && pause < AssignmentTries::longest_pause; ++i) pause *= 2;
    return std::min(pause, AssignmentTries::longest_pause);
}

} // namespace

bool AssignmentTries::may_start(
    Ip const& host, std::string const& app, std::string const& version, Clock::Steady now) const
{
    if (open_ >= most_open) return false;
    auto const* const last = find(host, app);
    if (last == nullptr) return tries_.size() < most_tries;
    // Another version than the one that failed is tried at once.
    return !last->is_open && (last->version != version || last->next <= now);
}

void AssignmentTries::start(Ip const& host, std::string const& app, std::string const& version)
{
    auto& entry = tries_[{app, host}];
    if (entry.version != version) entry = {};
    entry.version = version;
    if (!std::exchange(entry.is_open, true)) ++open_;
}

AssignmentTries::Try* AssignmentTries::close(Ip const& host, std::string const& app)
{
    auto const found = tries_.find({app, host});
    if (found == tries_.end()) return nullptr;
    if (std::exchange(found->second.is_open, false)) --open_;
    return &found->second;
}

void AssignmentTries::fail(Ip const& host, std::string const& app, std::string error, Clock::Steady now)
{
    auto* const entry = close(host, app);
    if (entry == nullptr) return;
    ++entry->failures;
    entry->error = std::move(error);
    entry->next = now + pause_after(entry->failures);
}

void AssignmentTries::put_off(Ip const& host, std::string const& app, std::string error, Clock::Steady now)
{
    auto* const entry = close(host, app);
    if (entry == nullptr) return;
    entry->error = std::move(error);
    entry->next = now + first_pause;
}

void AssignmentTries::succeed(Ip const& host, std::string const& app, Clock::Steady now)
{
    auto* const entry = close(host, app);
    if (entry == nullptr) return;
    entry->failures = 0;
    entry->error.clear();
    entry->next = now + first_pause;
}

void AssignmentTries::forget(Ip const& host, std::string const& app)
{
    auto const found = tries_.find({app, host});
    // The end of what is under way is still to come.
    if (found != tries_.end() && !found->second.is_open) tries_.erase(found);
}

void AssignmentTries::forget_app(std::string const& app)
{
    std::erase_if(tries_, [&](auto const& each) { return each.first.first == app && !each.second.is_open; });
}

AssignmentTries::Try const* AssignmentTries::find(Ip const& host, std::string const& app) const
{
    auto const found = tries_.find({app, host});
    return found == tries_.end() ? nullptr : &found->second;
}

} // namespace elves
