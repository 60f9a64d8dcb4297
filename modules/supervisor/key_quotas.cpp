#include "key_quotas.hpp"

#include <limits>
#include <utility>

#include "elves/log.hpp"

namespace elves {

namespace {

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t most = 1'000'000'000'000'000;
constexpr std::int64_t mib = 1024 * 1024;

/// A caller that no row of `access_key` stands for: nobody in particular, a TLS certificate, a user of the
/// server's own machine.
bool is_outside_ring(std::string_view key) { return key.find(':') != std::string_view::npos; }

/// See LocalAdmins: nobody else on the Unix socket has a key of that form.
bool is_local_admin(std::string_view key) { return key.starts_with("unix:"); }

void take_larger(Quotas::Holder& largest, std::string const& key, std::int64_t held, std::int64_t limit)
{
    if (held > largest.held) largest = {key, held, limit};
}

} // namespace

void KeyQuotas::configure(Section const& section)
{
    // A quarter of what the server keeps of each; of bytes a day there is no pool to take a part of.
    Quota defaults;
    defaults.waiting_tasks = section.number("waiting_tasks", 250'000, 0, most);
    defaults.waiting_bytes = section.number("waiting_bytes", 1024 * mib, 0, most);
    defaults.cron_jobs = section.number("cron_jobs", 250'000, 0, most);
    defaults.bytes_per_day = section.number("bytes_per_day", 16 * 1024 * mib, 0, most);
    // Absent: each agent gives half of its own max_workers, which the server does not know.
    if (section.has("workers")) defaults.workers = section.number("workers", 1, 1, 1000);
    defaults_ = defaults;
}

Quotas::Limits KeyQuotas::limits_of(std::string_view key) const
{
    auto const* const entry = keys_.find(key);
    Limits limits;
    limits.is_known = entry || key.empty() || is_outside_ring(key);
    limits.is_admin = entry ? entry->key->role == Role::admin : key.empty() || is_local_admin(key);
    auto const quota = entry ? entry->key->quota : Quota();
    auto const of = [&](std::optional<std::int64_t> Quota::*member) {
        auto const otherwise = limits.is_admin ? no_limit : (defaults_.*member).value_or(no_limit);
        return (quota.*member).value_or(otherwise);
    };
    limits.waiting_tasks = of(&Quota::waiting_tasks);
    limits.waiting_bytes = of(&Quota::waiting_bytes);
    limits.cron_jobs = of(&Quota::cron_jobs);
    limits.bytes_per_day = of(&Quota::bytes_per_day);
    limits.workers = quota.workers || limits.is_admin ? quota.workers : defaults_.workers;
    return limits;
}

std::string KeyQuotas::name_of(std::string_view key) const
{
    auto const* const entry = keys_.find(key);
    return entry && !entry->key->name.empty() ? entry->key->name : std::string(key);
}

KeyUsage KeyQuotas::usage_of(std::string_view key) const
{
    KeyUsage usage;
    for (auto const* const each : resources_) each->add_usage(key, usage);
    return usage;
}

Quotas::Largest KeyQuotas::largest() const
{
    std::set<std::string> keys;
    for (auto const* const each : resources_) each->add_holders(keys);
    Largest largest;
    for (auto const& key : keys) {
        auto const usage = usage_of(key);
        auto const limits = limits_of(key);
        take_larger(largest.waiting_tasks, key, usage.waiting_tasks, limits.waiting_tasks);
        take_larger(largest.waiting_bytes, key, usage.waiting_bytes, limits.waiting_bytes);
        take_larger(largest.cron_jobs, key, usage.cron_jobs, limits.cron_jobs);
        take_larger(largest.bytes_today, key, usage.bytes_today, limits.bytes_per_day);
    }
    return largest;
}

std::vector<std::string> KeyQuotas::deleted_holders() const
{
    std::set<std::string> keys;
    for (auto const* const each : resources_) each->add_holders(keys);
    std::vector<std::string> deleted;
    for (auto const& key : keys) {
        auto const usage = usage_of(key);
        if (!limits_of(key).is_known && (usage.waiting_tasks > 0 || usage.cron_jobs > 0))
            deleted.push_back(key);
    }
    return deleted;
}

void KeyQuotas::on_key_deleted(std::string_view key)
{
    for (auto* const each : resources_) each->on_key_deleted(key);
}

void KeyQuotas::on_key_changed(std::string_view key)
{
    for (auto* const each : resources_) each->on_key_changed(key);
}

asio::awaitable<void> KeyQuotas::end_all(std::string key)
{
    std::size_t ended = 0;
    for (auto each = resources_.rbegin(); each != resources_.rend(); ++each) {
        ended += co_await (*each)->end_all(key);
    }
    ELVES_LOG(info, "key.resources_ended key=" << key << " tasks_and_jobs=" << ended);
}

} // namespace elves
