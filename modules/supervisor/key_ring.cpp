#include "key_ring.hpp"

#include <algorithm>
#include <utility>

#include "elves/error.hpp"
#include "elves/json.hpp"
#include "elves/log.hpp"
#include "elves/secret.hpp"

namespace elves {

namespace {

constexpr std::string_view select_all =
    "SELECT id, name, role, apps, ips, is_enabled, created, token_hash, expires, old_token_hash,"
    " old_token_until, used_time, used_from, has_files, quota, run_hosts FROM access_key";

constexpr std::string_view insert_one =
    "INSERT INTO access_key (id, name, role, apps, ips, is_enabled, created, token_hash, expires,"
    " has_files, quota, run_hosts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

constexpr std::string_view update =
    "UPDATE access_key SET name = coalesce(?2, name), role = coalesce(?3, role), apps = coalesce(?4, apps),"
    " ips = coalesce(?5, ips), is_enabled = coalesce(?6, is_enabled),"
    " expires = iif(?7, ?8, expires), has_files = coalesce(?9, has_files), quota = json_patch(quota, ?10),"
    " run_hosts = iif(?11, ?12, run_hosts)"
    " WHERE id = ?1";

constexpr std::string_view update_token =
    "UPDATE access_key SET old_token_hash = token_hash, old_token_until = ?3, token_hash = ?2 WHERE id = ?1";

constexpr std::string_view update_use = "UPDATE access_key SET used_time = ?2, used_from = ?3 WHERE id = ?1";

constexpr std::string_view select_holders =
    "SELECT id, token_hash = ?2 OR (old_token_hash = ?2 AND old_token_until > ?3),"
    " is_enabled AND (expires IS NULL OR expires > ?3) FROM access_key WHERE role = 'agent' AND ips = ?1";

constexpr std::string_view count_admin_keys =
    "SELECT count(*) FROM access_key WHERE role = 'admin' AND is_enabled = 1"
    " AND (expires IS NULL OR expires > ?1)";

constexpr std::string_view note_admin =
    "INSERT OR IGNORE INTO admin_seen SELECT 1, ?2 WHERE EXISTS (SELECT 1 FROM access_key WHERE id = ?1"
    " AND role = 'admin' AND is_enabled = 1 AND (expires IS NULL OR expires > ?2))";

constexpr std::string_view select_admin_seen = "SELECT 1 FROM admin_seen";

constexpr std::string_view delete_one = "DELETE FROM access_key WHERE id = ?1";

/// What no token has: an unknown key is compared with it, so that it takes as long as a known one.
std::string const no_hash(64, '-');
/// No token of ours is as long, so nobody has to wait for the hash of a long one.
constexpr std::size_t longest_token = 256;

std::string list_text(std::vector<std::string> const& items)
{
    return json::serialize(json::value_from(items));
}

std::string list_text(std::vector<IpRange> const& ranges)
{
    json::array list;
    for (auto const& range : ranges) list.emplace_back(range.text());
    return json::serialize(list);
}

std::vector<std::string> items_of(std::string_view list)
{
    return json::value_to<std::vector<std::string>>(json::parse(list));
}

std::vector<IpRange> ranges_of(std::string_view list)
{
    std::vector<IpRange> ranges;
    for (auto const& item : items_of(list)) {
        if (auto const range = IpRange::parse(item)) ranges.push_back(*range);
    }
    return ranges;
}

Role role_of(std::string_view text)
{
    for (auto const role : {Role::viewer, Role::operator_, Role::agent, Role::admin}) {
        if (role_text(role) == text) return role;
    }
    throw std::runtime_error("unknown role " + std::string(text));
}

std::int64_t milliseconds(Instant at) { return at.time_since_epoch().count(); }

std::optional<std::int64_t> milliseconds(std::optional<Instant> const& at)
{
    if (!at) return std::nullopt;
    return milliseconds(*at);
}

std::string hash_of(std::string_view token) { return sha256_hex(token.substr(0, longest_token + 1)); }

bool counts(Key const& key, Instant now) { return key.enabled && (!key.expires || now < *key.expires); }

KeyEntry entry_of(Run const& row, Zone const& zone)
{
    KeyEntry entry;
    Key key{std::string(row.text(0)), std::string(row.text(1)), role_of(row.text(2)), items_of(row.text(3)),
        ranges_of(row.text(4)), row.number(5) != 0, zone.text(row.instant(6)), {}};
    key.quota = quota_of_column(row.text(14));
    if (!row.is_null(8)) key.expires = row.instant(8);
    key.files = row.number(13) != 0;
    if (!row.is_null(15)) key.run_hosts = row.number(15);
    entry.token_hash = row.text(7);
    entry.old_token_hash = row.text(9);
    entry.old_token_until = row.instant(10);
    if (!row.is_null(11)) entry.used = KeyUse{row.instant(11), Ip::parse(row.text(12)).value_or(Ip())};
    entry.key = std::make_shared<Key const>(std::move(key));
    return entry;
}

Store::Work inserting(Key const& key, std::string const& hash, Instant created)
{
    return [key, hash, created](Db& db) { KeyRing::insert(db, key, hash, created); };
}

/// A change as the columns take it.
struct Columns {
    explicit Columns(KeyChange const& change) : name(change.name)
    {
        if (change.role) role = role_text(*change.role);
        if (change.apps) apps = list_text(*change.apps);
        if (change.ips) ips = list_text(*change.ips);
        if (change.enabled) enabled = *change.enabled ? 1 : 0;
        if (change.files) files = *change.files ? 1 : 0;
        if (change.quota) quota = quota_patch(*change.quota);
        sets_expiry = change.expires ? 1 : 0;
        if (change.expires) expires = milliseconds(*change.expires);
        sets_run_hosts = change.run_hosts ? 1 : 0;
        if (change.run_hosts) run_hosts = *change.run_hosts;
    }
    std::optional<std::string> name, role, apps, ips;
    std::string quota = "{}";
    std::optional<std::int64_t> enabled, expires, files, run_hosts;
    std::int64_t sets_expiry = 0;
    std::int64_t sets_run_hosts = 0;
};

Error no_such_key(std::string const& id)
{
    return {codes::no_such_key, "no such key: " + json::serialize(json::string(id))};
}

Store::Work requiring_one(std::string const& id, std::function<void(Db&)> work)
{
    return [id, work = std::move(work)](Db& db) {
        work(db);
        if (db.changes() == 0) throw no_such_key(id);
    };
}

} // namespace

void KeyRing::load(Instant now)
{
    store_.at_start([this, now](Db& db) {
        keys_.clear();
        ends_.clear();
        machine_keys_.clear();
        wide_agent_keys_.clear();
        admins_.clear();
        has_had_admin_ = db.run(select_admin_seen).next();
        auto row = db.run(select_all);
        while (row.next()) {
            auto const id = std::string(row.text(0));
            try {
                auto const loaded = keys_.insert_or_assign(id, entry_of(row, zone_)).first;
                index(loaded->second);
                index_admin(*loaded->second.key, now);
            } catch (std::exception const& error) {
                // It is none, and must not keep the server down; nor is it thrown away.
                ELVES_LOG(error, "key " << id << " can't be read and counts for nothing: " << error.what());
            }
        }
    });
}

void KeyRing::index_admin(Key const& key, Instant now)
{
    if (key.role != Role::admin) {
        admins_.erase(key.key);
        return;
    }
    admins_.insert(key.key);
    has_had_admin_ = has_had_admin_ || counts(key, now);
}

std::size_t KeyRing::count_admins(Instant now) const
{
    return static_cast<std::size_t>(std::count_if(
        admins_.begin(), admins_.end(), [&](auto const& id) { return counts(*keys_.at(id).key, now); }));
}

AdminKeys KeyRing::admins_in(Db& db, Instant now)
{
    auto run = db.run(count_admin_keys);
    run.bind(1, milliseconds(now));
    auto const count = run.next() ? static_cast<std::size_t>(run.number(0)) : 0;
    return {count, db.run(select_admin_seen).next()};
}

KeyEntry const* KeyRing::find(std::string_view id) const
{
    auto const found = keys_.find(id);
    return found == keys_.end() ? nullptr : &found->second;
}

std::shared_ptr<Key const> KeyRing::proven(std::string_view id, std::string_view token, Instant now) const
{
    return judge(id, hash_of(token), now);
}

std::shared_ptr<Key const> KeyRing::still_proven(BoundKey const& bound, Instant now) const
{
    return judge(bound.key, bound.token_hash, now);
}

BoundKey KeyRing::bound(std::string id, std::string_view token) { return {std::move(id), hash_of(token)}; }

std::shared_ptr<Key const> KeyRing::judge(std::string_view id, std::string_view hash, Instant now) const
{
    auto const* const entry = find(id);
    bool const is_rotated = entry && entry->has_old_token(now);
    // Both are always compared.
    bool const fits = equal_in_constant_time(hash, entry ? entry->token_hash : no_hash);
    bool const fits_old = equal_in_constant_time(hash, is_rotated ? entry->old_token_hash : no_hash);
    return (fits || fits_old) && counts(*entry->key, now) ? entry->key : nullptr;
}

asio::awaitable<void> KeyRing::add(Key key, std::string token, Instant now, Store::Work also)
{
    require_room();
    auto hash = hash_of(token);
    auto work = inserting(key, hash, now);
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    keep(std::move(key), std::move(hash), now);
}

asio::awaitable<void> KeyRing::change(std::string id, KeyChange change, Instant at, Store::Work also)
{
    // Named: GCC 12 destroys a closure that is a temporary of a co_await twice.
    auto work = requiring_one(id, [id, columns = Columns(change)](Db& db) {
        db.run(update)
            .bind(1, id)
            .bind(2, columns.name)
            .bind(3, columns.role)
            .bind(4, columns.apps)
            .bind(5, columns.ips)
            .bind(6, columns.enabled)
            .bind(7, columns.sets_expiry)
            .bind(8, columns.expires)
            .bind(9, columns.files)
            .bind(10, columns.quota)
            .bind(11, columns.sets_run_hosts)
            .bind(12, columns.run_hosts)
            .execute();
    });
    Store::Work note = [id, at](
                           Db& db) { db.run(note_admin).bind(1, id).bind(2, milliseconds(at)).execute(); };
    work = together(together(std::move(work), std::move(note)), std::move(also));
    co_await store_.write(std::move(work));
    // Of the key as it is by now: another change may have been written meanwhile.
    auto const now = keys_.find(id);
    if (now == keys_.end()) co_return;
    auto key = std::make_shared<Key>(*now->second.key);
    if (change.name) key->name = std::move(*change.name);
    if (change.role) key->role = *change.role;
    if (change.apps) key->apps = std::move(*change.apps);
    if (change.ips) key->ips = std::move(*change.ips);
    if (change.enabled) key->enabled = *change.enabled;
    if (change.expires) key->expires = *change.expires;
    if (change.files) key->files = *change.files;
    if (change.quota) change.quota->apply_to(key->quota);
    if (change.run_hosts) key->run_hosts = *change.run_hosts;
    index_admin(*key, at);
    now->second.key = std::move(key);
    index(now->second);
}

asio::awaitable<bool> KeyRing::rotate(
    std::string id, std::string token, Instant now, std::chrono::seconds overlap, Store::Work also)
{
    auto hash = hash_of(token);
    auto const old_until = now + overlap;
    auto work = requiring_one(id, [id, hash, old_until](Db& db) {
        db.run(update_token).bind(1, id).bind(2, hash).bind(3, milliseconds(old_until)).execute();
    });
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    auto const found = keys_.find(id);
    if (found == keys_.end()) co_return false;
    auto& entry = found->second;
    bool const ends_one = overlap.count() == 0 || entry.has_old_token(now);
    entry.old_token_hash = std::exchange(entry.token_hash, std::move(hash));
    entry.old_token_until = old_until;
    if (overlap.count() == 0) entry.old_token_hash.clear();
    index_ends(entry);
    co_return ends_one;
}

asio::awaitable<void> KeyRing::erase(std::string id, Store::Work also)
{
    auto work = requiring_one(id, [id](Db& db) { remove(db, id); });
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    drop(id);
}

void KeyRing::insert(Db& db, Key const& key, std::string const& hash, Instant created)
{
    auto const apps = list_text(key.apps);
    auto const ips = list_text(key.ips.ranges());
    auto const quota = quota_column(key.quota);
    db.run(insert_one)
        .bind(1, key.key)
        .bind(2, key.name)
        .bind(3, role_text(key.role))
        .bind(4, apps)
        .bind(5, ips)
        .bind(6, std::int64_t{key.enabled})
        .bind(7, milliseconds(created))
        .bind(8, hash)
        .bind(9, milliseconds(key.expires))
        .bind(10, std::int64_t{key.files})
        .bind(11, quota)
        .bind(12, key.run_hosts)
        .execute();
    if (key.role == Role::admin) db.run(note_admin).bind(1, key.key).bind(2, milliseconds(created)).execute();
}

void KeyRing::remove(Db& db, std::string const& id) { db.run(delete_one).bind(1, id).execute(); }

std::optional<KeyHolder> KeyRing::holder(Db& db, Ip const& ip, std::string_view hash, Instant now)
{
    auto const ips = list_text(std::vector<std::string>{ip.text()});
    auto run = db.run(select_holders);
    run.bind(1, ips).bind(2, hash).bind(3, milliseconds(now));
    std::optional<KeyHolder> found;
    while ((!found || !found->is_same) && run.next()) {
        found = KeyHolder{std::string(run.text(0)), run.number(1) != 0, run.number(2) != 0};
    }
    return found;
}

void KeyRing::use(std::string_view id, Ip const& from, Instant now)
{
    auto const found = keys_.find(id);
    if (found == keys_.end()) return;
    found->second.used = KeyUse{now, from};
    found->second.is_use_written = false;
}

void KeyRing::write_uses()
{
    std::vector<std::pair<std::string, KeyUse>> uses;
    for (auto& [id, entry] : keys_) {
        if (!std::exchange(entry.is_use_written, true) && entry.used) uses.emplace_back(id, *entry.used);
    }
    if (uses.empty()) return;
    // A disk that refuses costs no more than that.
    store_.post(
        [uses = std::move(uses)](Db& db) {
            for (auto const& [id, use] : uses) {
                auto const from = use.from.text();
                db.run(update_use).bind(1, id).bind(2, milliseconds(use.at)).bind(3, from).execute();
            }
        },
        {});
}

void KeyRing::add_at_start(Key key, std::string const& token, Instant now, Store::Work also)
{
    require_room();
    auto hash = hash_of(token);
    store_.at_start(together(inserting(key, hash, now), std::move(also)));
    keep(std::move(key), std::move(hash), now);
}

void KeyRing::require_room() const
{
    if (keys_.size() >= most_) {
        throw Error(codes::too_much, "there are " + std::to_string(most_) + " keys; delete some first");
    }
}

void KeyRing::keep(Key key, std::string hash, Instant created)
{
    key.create_time = zone_.text(created);
    auto id = key.key;
    KeyEntry entry;
    entry.key = std::make_shared<Key const>(std::move(key));
    entry.token_hash = std::move(hash);
    drop(id); // Its ends, where there was one of that id.
    auto const kept = keys_.insert_or_assign(std::move(id), std::move(entry)).first;
    index_admin(*kept->second.key, created);
    index(kept->second);
}

void KeyRing::drop(std::string const& id)
{
    if (auto const found = keys_.find(id); found != keys_.end()) {
        for (auto const& end : found->second.ends) ends_.erase(end);
        drop_machine(found->second);
        keys_.erase(found);
    }
    admins_.erase(id);
    wide_agent_keys_.erase(id);
}

void KeyRing::index_ends(KeyEntry& entry)
{
    for (auto const& end : entry.ends) ends_.erase(end);
    entry.ends.clear();
    auto const& key = *entry.key;
    if (key.expires) entry.ends.push_back({*key.expires, key.key});
    if (!entry.old_token_hash.empty()) entry.ends.push_back({entry.old_token_until, key.key});
    ends_.insert(entry.ends.begin(), entry.ends.end());
}

std::optional<KeyEnd> KeyRing::next_end(KeyEnd const& last) const
{
    auto const found = ends_.upper_bound(last);
    return found == ends_.end() ? std::nullopt : std::optional(*found);
}

std::size_t KeyRing::count_expiring(Instant now, std::chrono::milliseconds within) const
{
    std::size_t count = 0;
    for (auto end = ends_.upper_bound({now, {}}); end != ends_.end() && end->at <= now + within; ++end) {
        auto const* const entry = find(end->key);
        bool const is_keys_own = entry && entry->key->enabled && entry->key->expires == end->at;
        count += is_keys_own ? 1 : 0;
    }
    return count;
}

void KeyRing::index_machine(KeyEntry& entry)
{
    drop_machine(entry);
    auto const& key = *entry.key;
    bool const is_one_machine = key.role == Role::agent && key.ips.is_single();
    entry.machine = is_one_machine ? std::optional(key.ips.begin()->first()) : std::nullopt;
    if (entry.machine) machine_keys_.emplace(*entry.machine, key.key);
}

void KeyRing::drop_machine(KeyEntry const& entry)
{
    if (entry.machine) machine_keys_.erase({*entry.machine, entry.key->key});
}

std::vector<std::string> KeyRing::of_machine(Ip const& ip) const
{
    std::vector<std::string> ids;
    for (auto at = machine_keys_.lower_bound({ip, {}}); at != machine_keys_.end() && at->first == ip; ++at)
        ids.push_back(at->second);
    return ids;
}

void KeyRing::index(KeyEntry& entry)
{
    index_ends(entry);
    index_machine(entry);
    auto const& key = *entry.key;
    bool const is_empty = key.ips.begin() == key.ips.end();
    if (key.role == Role::agent && key.enabled && !is_empty && !key.ips.is_single()) {
        wide_agent_keys_.insert(key.key);
    } else {
        wide_agent_keys_.erase(key.key);
    }
}

} // namespace elves
