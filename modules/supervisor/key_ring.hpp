#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/store.hpp"
#include "elves/zone.hpp"

namespace elves {

/// What of a key is to be another way; what is not given stays.
struct KeyChange {
    std::optional<std::string> name;
    std::optional<Role> role;
    std::optional<std::vector<std::string>> apps;
    std::optional<std::vector<IpRange>> ips;
    std::optional<bool> enabled;
};

/// The keys: in memory, and on disk first. Of a token only the SHA-256 is kept. The only place with their
/// SQL. On the loop's thread.
class KeyRing {
public:
    using Keys = std::map<std::string, std::shared_ptr<Key const>, std::less<>>;

    KeyRing(Store& store, Zone zone, std::size_t most = 100'000) : store_(store), zone_(zone), most_(most) {}

    /// Before the loop runs only: reads them all.
    void load();

    /// Null where there is none. Disabled ones too.
    [[nodiscard]] std::shared_ptr<Key const> find(std::string_view id) const;
    /// The enabled key that `token` proves, or null: in the same time whatever is wrong.
    [[nodiscard]] std::shared_ptr<Key const> proven(std::string_view id, std::string_view token) const;
    /// By id. Valid until the next co_await.
    [[nodiscard]] Keys const& all() const noexcept { return keys_; }

    // Each of these returns when it is on disk. Error 507.1: nothing has changed.
    /// Throws Error 429.1 where there are too many keys.
    [[nodiscard]] asio::awaitable<void> add(Key key, std::string token, Instant now);
    /// Throws Error 413.1 where there is none of that id; so does the next one.
    [[nodiscard]] asio::awaitable<void> change(std::string id, KeyChange change);
    [[nodiscard]] asio::awaitable<void> erase(std::string id);

    /// Before the loop runs only: adds the key at once.
    void add_at_start(Key key, std::string const& token, Instant now);

private:
    void require_room() const;
    void keep(Key key, std::string hash, Instant created);

    Store& store_;
    Zone zone_;
    std::size_t most_;
    Keys keys_;
    std::map<std::string, std::string, std::less<>> hashes_; ///< Of each key's token.
};

} // namespace elves
