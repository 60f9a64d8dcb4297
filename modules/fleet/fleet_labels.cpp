#include "fleet_labels.hpp"

#include <memory>
#include <utility>

#include "elves/error.hpp"

namespace elves {

namespace {

constexpr std::string_view select_all = "SELECT ip, key, value FROM fleet_label";
constexpr std::string_view upsert = "INSERT INTO fleet_label (ip, key, value) VALUES (?1, ?2, ?3)"
                                    " ON CONFLICT (ip, key) DO UPDATE SET value = ?3";
constexpr std::string_view delete_one = "DELETE FROM fleet_label WHERE ip = ?1 AND key = ?2";

constexpr std::string_view delete_all = "DELETE FROM fleet_label WHERE ip = ?1";

/// Part of a transaction. Whatever the host has there by now: two changes may be on their way.
void write_change(Db& db, Ip const& host, LabelChange const& change)
{
    auto const ip = host.text();
    for (auto const& [key, value] : change.set)
        db.run(upsert).bind(1, ip).bind(2, key).bind(3, value).execute();
    for (auto const& key : change.unset) db.run(delete_one).bind(1, ip).bind(2, key).execute();
}

Labels after(Labels labels, LabelChange const& change)
{
    for (auto const& [key, value] : change.set) labels.insert_or_assign(key, value);
    for (auto const& key : change.unset) labels.erase(key);
    return labels;
}

} // namespace

void FleetLabels::load()
{
    store_.at_start([this](Db& db) {
        by_host_.clear();
        auto rows = db.run(select_all);
        while (rows.next()) {
            if (auto const ip = Ip::parse(rows.text(0)))
                by_host_[*ip].emplace(std::string(rows.text(1)), std::string(rows.text(2)));
        }
    });
    for (auto const& [ip, labels] : by_host_) count(labels, true);
}

Labels const* FleetLabels::find(Ip const& host) const
{
    auto const found = by_host_.find(host);
    return found == by_host_.end() ? nullptr : &found->second;
}

void FleetLabels::count(Labels const& labels, bool are_new)
{
    for (auto const& [key, value] : labels) {
        auto& uses = uses_[key];
        if (are_new && uses++ == 0) keys_.insert(key);
        if (!are_new && --uses == 0) {
            uses_.erase(key);
            keys_.erase(key);
        }
    }
}

void FleetLabels::erase_in(Db& db, Ip const& host)
{
    auto const ip = host.text();
    db.run(delete_all).bind(1, ip).execute();
}

void FleetLabels::drop(Ip const& host)
{
    auto const found = by_host_.find(host);
    if (found == by_host_.end()) return;
    count(found->second, false);
    by_host_.erase(found);
}

asio::awaitable<std::size_t> FleetLabels::change(std::vector<Ip> hosts, LabelChange change, Store::Work also)
{
    auto const wanted = std::make_shared<LabelChange const>(std::move(change));
    auto const touched = std::make_shared<std::vector<Ip> const>(std::move(hosts));
    std::size_t changed = 0;
    for (auto const& host : *touched) {
        auto const* const now = find(host);
        auto const before = now ? *now : Labels();
        auto const labels = after(before, *wanted);
        if (labels != before) ++changed;
        if (labels.size() > most_of_one)
            throw Error(
                codes::bad_field, host.text() + " would have " + std::to_string(labels.size()) +
                                      " labels; at most 32 are possible, unset some in the same call");
    }
    Store::Work write = [wanted, touched](Db& db) {
        for (auto const& host : *touched) write_change(db, host, *wanted);
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    // Changes reach memory in the order in which they reached the disk: completions come in that order.
    for (auto const& host : *touched) {
        auto& labels = by_host_[host];
        count(labels, false);
        labels = after(std::move(labels), *wanted);
        count(labels, true);
        if (labels.empty()) by_host_.erase(host);
    }
    co_return changed;
}

} // namespace elves
