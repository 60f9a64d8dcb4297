#include "sim/cron_ledger.hpp"

#include <algorithm>
#include <cstdlib>

namespace elves::sim {

using namespace std::chrono_literals;

static std::string span(Instant after, Instant until)
{
    return "after " + iso_text(after) + " up to " + iso_text(until);
}

void CronLedger::set(TaskId id, Job job)
{
    auto& account = jobs_[id];
    bool const goes_on = account.rule && account.job.same_times(job) && account.job.mark == job.mark;
    account.rule = QuartzRule::parse(job.rule);
    account.job = std::move(job);
    account.records.clear();
    if (!goes_on) account.owed.reset();
}

CronLedger::Job const* CronLedger::find(TaskId id) const
{
    auto const found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : &found->second.job;
}

void CronLedger::ran(TaskId id, Instant fire_time, bool is_merged)
{
    if (!is_merged && !runs_[id].insert(fire_time).second)
        broken_(noun_ + " " + id.text() + " runs twice for " + iso_text(fire_time));
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) return; // Deleted by now; it was due before.
    auto& account = found->second;
    // A run that is owed is no step of the mark.
    if (account.owed == account.job.zone.text(fire_time)) return account.owed.reset();
    account.records.push_back({fire_time, 1});
}

void CronLedger::skipped(TaskId id, Instant fire_time, std::string const& why)
{
    skips_[id].insert(fire_time);
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) return;
    auto& account = found->second;
    // Of a job that was changed before a time of it had started.
    if (why.find(" before this ") != why.npos) return;
    bool const is_owed = account.owed == account.job.zone.text(fire_time);
    if (is_owed && !says_missed(why)) return account.owed.reset();
    constexpr std::string_view begin = "skipped: ";
    char* end = nullptr;
    auto const number = std::strtol(why.c_str() + begin.size(), &end, 10);
    bool const counts = number > 0 && std::string_view(end).starts_with(" time");
    account.records.push_back({std::nullopt, counts ? static_cast<std::size_t>(number) : 1});
    // "… from FIRST to LAST passed while …": the run is at the last.
    if (!says_made_up(why)) return;
    constexpr std::size_t length = 19;
    auto const last = why.find(" passed while the ");
    account.owed = why.substr(last - length, length);
}

void CronLedger::owes(TaskId id, Instant time)
{
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) return;
    found->second.records.push_back({std::nullopt, 1, true});
    in_debt(id, time);
}

void CronLedger::in_debt(TaskId id, Instant time)
{
    auto const found = jobs_.find(id);
    if (found != jobs_.end()) found->second.owed = found->second.job.zone.text(time);
}

void CronLedger::moved(TaskId id, Instant from, Instant to)
{
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) return;
    auto& account = found->second;
    // The clock was set back: times come again.
    if (to < from) {
        account.job.mark = to;
        return;
    }
    if (from != account.job.mark)
        broken_("the mark of " + noun_ + " " + id.text() + " was at " + iso_text(account.job.mark) +
                " and moves from " + iso_text(from));
    check(id, account, from, to);
    account.records.clear();
    account.job.mark = to;
}

void CronLedger::check(TaskId id, Account& account, Instant from, Instant to)
{
    auto const due = times(account, from, to);
    auto const& records = account.records;
    auto const is_told = [&](Instant at) { return runs_[id].contains(at) || skips_[id].contains(at); };
    std::size_t accounted = 0;
    for (auto const& record : records) {
        accounted += record.count;
        if (record.is_owed && !due.empty())
            accounted += static_cast<std::size_t>(std::count_if(due.begin(), due.end() - 1, is_told));
        if (record.ran && (due.empty() || *record.ran != due.back()))
            broken_(noun_ + " " + id.text() + " ran for " + iso_text(*record.ran) +
                    ", which is not the time due " + span(from, to));
    }
    if (records.empty()) {
        // Only the mark moves where the time is in the log already.
        accounted = static_cast<std::size_t>(std::count_if(due.begin(), due.end(), is_told));
    }
    if (accounted != due.size())
        broken_(noun_ + " " + id.text() + ": " + std::to_string(due.size()) + " times were due " +
                span(from, to) + ", and " + std::to_string(accounted) + " are accounted for");
}

void CronLedger::end_of_transaction()
{
    for (auto& [id, account] : jobs_) {
        if (!account.records.empty())
            broken_("a firing of " + noun_ + " " + id.text() + " is recorded, and its mark at " +
                    iso_text(account.job.mark) + " does not move");
        account.records.clear();
    }
}

std::vector<Instant> CronLedger::times(Account const& account, Instant after, Instant until) const
{
    std::vector<Instant> all;
    for (auto at = account.rule->next_after(after, account.job.zone); at && *at <= until;
         at = account.rule->next_after(*at, account.job.zone)) {
        all.push_back(*at);
    }
    return all;
}

void CronLedger::check(Instant until, Late const& late, Instant came_before) const
{
    for (auto const& [id, account] : jobs_) {
        if (!account.job.active || account.job.came >= came_before) continue;
        auto const due = times(account, account.job.mark, until);
        if (!due.empty())
            late(noun_ + " " + id.text() + ": " + std::to_string(due.size()) + " times " +
                 span(account.job.mark, until) + " are not accounted for");
    }
}

void CronLedger::debts_paid(Instant before) const
{
    for (auto const& [id, account] : jobs_) {
        if (!account.job.active || !account.owed) continue;
        auto const due = account.job.zone.parse(*account.owed);
        auto const runs = runs_.find(id);
        auto const has_run = [&](Instant at) { return account.job.zone.text(at) == *account.owed; };
        bool const is_paid =
            runs != runs_.end() && std::any_of(runs->second.begin(), runs->second.end(), has_run);
        if (due && *due < before && !is_paid)
            broken_(noun_ + " " + id.text() + ": the run that makes up for missed times up to " +
                    *account.owed + " is not recorded");
    }
}

} // namespace elves::sim
