#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/services/authority.hpp"
#include "elves/store.hpp"
#include "elves/zone.hpp"
#include "quota_fields.hpp"

namespace elves {

/// What of a key is to be another way; what is not given stays.
struct KeyChange {
    std::optional<std::string> name;
    std::optional<Role> role;
    std::optional<std::vector<std::string>> apps;
    std::optional<std::vector<IpRange>> ips;
    std::optional<bool> enabled;
    std::optional<std::optional<Instant>> expires; ///< Given and nothing inside: never.
    std::optional<bool> files;
    std::optional<std::optional<std::int64_t>> run_hosts; ///< Given and nothing inside: no limit.
    std::optional<QuotaChange> quota;                     ///< Its members that are given.
};

/// Who used a key last. Lost for up to a minute by a crash.
struct KeyUse {
    Instant at{};
    Ip from;
};

/// The moment from which a key, or the token that it had before a rotation, proves nothing.
struct KeyEnd {
    Instant at{};
    std::string key;
    friend auto operator<=>(KeyEnd const&, KeyEnd const&) = default;
};

/// A key, and what of it is nobody else's business.
struct KeyEntry {
    std::shared_ptr<Key const> key;
    std::string token_hash;     ///< SHA-256 in hex.
    std::string old_token_hash; ///< Of the token before it was rotated; "" for none.
    Instant old_token_until{};  ///< From then on that one proves nothing.
    std::optional<KeyUse> used;
    bool is_use_written = true;
    std::vector<KeyEnd> ends;    ///< As KeyRing has them in order.
    std::optional<Ip> machine{}; ///< As KeyRing has it: the one address of an agent's key.

    [[nodiscard]] bool has_old_token(Instant now) const
    {
        return !old_token_hash.empty() && now < old_token_until;
    }
};

/// A key of an agent that is bound to one address, and so holds it.
struct KeyHolder {
    std::string key;
    bool is_same = false; ///< Its token has the hash that was asked about.
    bool counts = true;   ///< Neither disabled nor expired.
};

/// The keys: in memory, and on disk first. Of a token only the SHA-256 is kept. The only place with their
/// SQL. On the loop's thread.
class KeyRing {
public:
    using Keys = std::map<std::string, KeyEntry, std::less<>>;

    KeyRing(Store& store, Zone zone, std::size_t most = 100'000) : store_(store), zone_(zone), most_(most) {}

    /// Before the loop runs only: reads them all.
    void load(Instant now);

    /// A key of the role admin has counted (was enabled and not expired) at some time. Stays true for good.
    [[nodiscard]] bool has_had_admin() const noexcept { return has_had_admin_; }
    /// Keys of the role admin that count at `now`.
    [[nodiscard]] std::size_t count_admins(Instant now) const;
    /// The same as a data file says. Any thread; throws std::exception where it has no such tables.
    [[nodiscard]] static AdminKeys admins_in(Db& db, Instant now);

    /// Null where there is none. Disabled and expired ones too.
    [[nodiscard]] KeyEntry const* find(std::string_view id) const;
    /// The valid key that `token` proves, or null: in the same time whatever is wrong.
    [[nodiscard]] std::shared_ptr<Key const> proven(
        std::string_view id, std::string_view token, Instant now) const;
    /// As `proven`, by a token that was shown before.
    [[nodiscard]] std::shared_ptr<Key const> still_proven(BoundKey const& bound, Instant now) const;
    /// The first end after `last`, past ones too: in order of time, and of ids at the same moment.
    [[nodiscard]] std::optional<KeyEnd> next_end(KeyEnd const& last) const;
    /// How many keys count at `now` and end within that time.
    [[nodiscard]] std::size_t count_expiring(Instant now, std::chrono::milliseconds within) const;
    /// The keys of the role `agent` that are for that address alone.
    [[nodiscard]] std::vector<std::string> of_machine(Ip const& ip) const;
    /// By id. Valid until the next co_await.
    [[nodiscard]] Keys const& all() const noexcept { return keys_; }
    [[nodiscard]] Zone const& zone() const noexcept { return zone_; }
    /// The enabled keys of the role `agent` that cover more than one address, by id; expired ones, too.
    [[nodiscard]] std::set<std::string> const& wide_agent_keys() const noexcept { return wide_agent_keys_; }

    // Each of these returns when it is on disk, together with what `also` writes. Error 507.1: nothing has
    // changed.
    /// Throws Error 429.1 where there are too many keys.
    [[nodiscard]] asio::awaitable<void> add(Key key, std::string token, Instant now, Store::Work also = {});
    /// Throws Error 413.1 where there is none of that id; so do the next ones.
    [[nodiscard]] asio::awaitable<void> change(
        std::string id, KeyChange change, Instant now, Store::Work also = {});
    /// From now on `token` proves it; the one before does so for `overlap`, and the one before that no
    /// longer. True where a token that did so up to now is at its end.
    [[nodiscard]] asio::awaitable<bool> rotate(
        std::string id, std::string token, Instant now, std::chrono::seconds overlap, Store::Work also = {});
    [[nodiscard]] asio::awaitable<void> erase(std::string id, Store::Work also = {});

    /// Notes it in memory.
    void use(std::string_view id, Ip const& from, Instant now);
    /// Writes behind who used keys since the last time.
    void write_uses();

    // Within another one's work, in its transaction.
    static void insert(Db& db, Key const& key, std::string const& hash, Instant created);
    static void remove(Db& db, std::string const& id);
    /// Of several the one with that hash.
    [[nodiscard]] static std::optional<KeyHolder> holder(
        Db& db, Ip const& ip, std::string_view hash, Instant now);
    // And when that is on disk:
    void keep(Key key, std::string hash, Instant created);
    void drop(std::string const& id);
    /// Throws Error 429.1 where there are too many keys.
    void require_room() const;
    /// What a connection is bound to that has shown `token`.
    [[nodiscard]] static BoundKey bound(std::string id, std::string_view token);

    /// Before the loop runs only: adds the key at once.
    void add_at_start(Key key, std::string const& token, Instant now, Store::Work also = {});

private:
    [[nodiscard]] std::shared_ptr<Key const> judge(
        std::string_view id, std::string_view hash, Instant now) const;
    void index_admin(Key const& key, Instant now);

    /// To be called whenever the key is another one than before.
    void index(KeyEntry& entry);
    void index_ends(KeyEntry& entry);
    void index_machine(KeyEntry& entry);
    void drop_machine(KeyEntry const& entry);

    Store& store_;
    Zone zone_;
    std::size_t most_;
    Keys keys_;
    std::set<KeyEnd> ends_;
    std::set<std::pair<Ip, std::string>> machine_keys_;
    std::set<std::string> wide_agent_keys_;
    std::set<std::string, std::less<>>
        admins_; ///< Ids of the keys of that role, also those that do not count.
    bool has_had_admin_ = false;
};

} // namespace elves
