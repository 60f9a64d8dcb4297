#include "daily_bytes.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds flush_interval = 10s;
constexpr std::int64_t ms_a_day = 86'400'000;

constexpr std::string_view select_day = "SELECT key, bytes FROM written WHERE day = ?1";
constexpr std::string_view put_key = "INSERT OR REPLACE INTO written (key, day, bytes) VALUES (?1, ?2, ?3)";
constexpr std::string_view delete_old = "DELETE FROM written WHERE day < ?1";

} // namespace

std::int64_t DailyBytes::day_now() const { return clock_.now().time_since_epoch().count() / ms_a_day; }

void DailyBytes::load()
{
    day_ = day_now();
    store_.at_start([this](Db& db) {
        keys_.clear();
        auto row = db.run(select_day);
        row.bind(1, day_);
        while (row.next()) keys_[std::string(row.text(0))].bytes = row.number(1);
    });
}

/// A clock that was set back begins no day again: what was counted stays.
void DailyBytes::begin_day()
{
    auto const today = day_now();
    if (today <= day_) return;
    day_ = today;
    keys_.clear();
    store_.post_soon([today](Db& db) { db.run(delete_old).bind(1, today).execute(); }, {});
}

void DailyBytes::add(std::string_view key, std::size_t bytes)
{
    if (key.empty()) return;
    begin_day();
    auto found = keys_.find(key);
    if (found == keys_.end()) found = keys_.emplace(std::string(key), Written()).first;
    found->second.bytes += static_cast<std::int64_t>(bytes);
    found->second.is_on_disk = false;
    if (!flushing_.running()) flushing_ = clock_.after(flush_interval, [this] { flush(); });
}

void DailyBytes::take_back(std::string_view key, std::size_t bytes)
{
    auto const found = keys_.find(key);
    if (found == keys_.end()) return;
    auto& sum = found->second.bytes;
    sum = std::max<std::int64_t>(sum - static_cast<std::int64_t>(bytes), 0);
}

std::int64_t DailyBytes::today(std::string_view key) const
{
    auto const found = keys_.find(key);
    return found == keys_.end() || day_now() > day_ ? 0 : found->second.bytes;
}

void DailyBytes::add_holders(std::set<std::string>& keys) const
{
    for (auto const& [key, written] : keys_) keys.insert(key);
}

void DailyBytes::flush()
{
    flushing_.stop();
    std::vector<std::pair<std::string, std::int64_t>> changed;
    for (auto& [key, written] : keys_) {
        if (!std::exchange(written.is_on_disk, true)) changed.emplace_back(key, written.bytes);
    }
    if (changed.empty()) return;
    store_.post_soon(
        [changed = std::move(changed), day = day_](Db& db) {
            for (auto const& [key, bytes] : changed) {
                db.run(put_key).bind(1, key).bind(2, day).bind(3, bytes).execute();
            }
        },
        [](std::exception_ptr const& failure) {
            if (failure) ELVES_LOG(warning, "quota.usage_not_written what=bytes_today");
        });
}

} // namespace elves
