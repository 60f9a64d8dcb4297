#include "fleet_groups.hpp"

#include <set>
#include <utility>

namespace elves {

namespace {

constexpr std::string_view select_all = "SELECT name, target, note, set_by, set_time FROM fleet_group";
constexpr std::string_view upsert =
    "INSERT INTO fleet_group (name, target, note, set_by, set_time) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (name) DO UPDATE SET target = ?2, note = ?3, set_by = ?4, set_time = ?5";
constexpr std::string_view delete_one = "DELETE FROM fleet_group WHERE name = ?1";

} // namespace

std::set<std::string> groups_in(Target const& target)
{
    std::set<std::string> names;
    each_part(target.root, [&](TargetPart const& part) {
        if (part.kind == TargetPart::Kind::group) names.insert(part.text);
    });
    return names;
}

Error no_such_group(std::string_view name)
{
    return {
        codes::no_group, "there is no group " + std::string(name) + "; fleet.listgroups lists what there is"};
}

void FleetGroups::load()
{
    store_.at_start([this](Db& db) {
        groups_.clear();
        auto rows = db.run(select_all);
        while (rows.next()) {
            FleetGroup group{std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2)),
                std::string(rows.text(3)), rows.instant(4)};
            auto target = std::make_shared<Target const>(Target::parse(group.target, nullptr));
            auto name = group.name;
            groups_.emplace(std::move(name), Entry{std::move(group), std::move(target)});
        }
    });
}

/// `of`: the group that `target` is; "" for none.
FleetGroups::Targets FleetGroups::below(Target const& target, std::string_view of, Find const& find)
{
    Targets found;
    auto tests = target.tests;
    auto level = groups_in(target);
    // Level by level: a chain that turns in a circle is too deep, too.
    for (std::size_t depth = 1; !level.empty(); ++depth) {
        std::set<std::string> next;
        for (auto const& name : level) {
            if (name == of)
                throw Error(codes::bad_target, "the group " + name + " would stand on itself" +
                                                   (depth > 1 ? ", through other groups" : ""));
            if (depth > most_depth)
                throw Error(
                    codes::bad_target, "groups would be nested more than 16 deep, at the group " + name);
            auto const group = find(name);
            if (!group) throw no_such_group(name);
            if (found.emplace(name, group).second) tests += group->tests;
            next.merge(groups_in(*group));
        }
        if (tests > most_tests)
            throw Error(codes::bad_target, "`target` has more than 4096 tests, its groups included");
        level = std::move(next);
    }
    return found;
}

FleetGroups::Targets FleetGroups::below(Target const& target) const
{
    return below(target, {}, [this](std::string const& name) {
        auto const known = groups_.find(name);
        return known == groups_.end() ? nullptr : known->second.target;
    });
}

void FleetGroups::require_fits(std::string const& name, Target const& target) const
{
    auto const as_wanted = std::make_shared<Target const>(target);
    Find const find = [&](std::string const& other) {
        if (other == name) return as_wanted;
        auto const known = groups_.find(other);
        return known == groups_.end() ? nullptr : known->second.target;
    };
    static_cast<void>(below(target, name, find));
    for (auto const& [other, entry] : groups_) {
        if (other != name) static_cast<void>(below(*entry.target, other, find));
    }
}

std::vector<std::string> FleetGroups::users_of(std::string_view name) const
{
    std::vector<std::string> users;
    for (auto const& [user, entry] : groups_) {
        if (groups_in(*entry.target).contains(std::string(name))) users.push_back(user);
    }
    return users;
}

asio::awaitable<void> FleetGroups::put(FleetGroup group, Store::Work also)
{
    if (!groups_.contains(group.name) && groups_.size() >= most)
        throw Error(codes::too_much, "there are 1000 groups; delete one first");
    auto target = std::make_shared<Target const>(Target::parse(group.target, nullptr));
    Store::Work write = [group](Db& db) {
        db.run(upsert)
            .bind(1, group.name)
            .bind(2, group.target)
            .bind(3, group.note)
            .bind(4, group.by)
            .bind(5, group.time.time_since_epoch().count())
            .execute();
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    auto name = group.name;
    groups_.insert_or_assign(std::move(name), Entry{std::move(group), std::move(target)});
    ++version_;
}

asio::awaitable<void> FleetGroups::erase(std::string name, Store::Work also)
{
    Store::Work write = [name](Db& db) {
        db.run(delete_one).bind(1, name).execute();
        if (db.changes() == 0) throw no_such_group(name);
    };
    write = together(std::move(write), std::move(also));
    co_await store_.write(std::move(write));
    groups_.erase(name);
    ++version_;
}

} // namespace elves
