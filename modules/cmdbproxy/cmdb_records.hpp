#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "elves/ip.hpp"
#include "elves/store.hpp"

namespace elves {

/// What the inventory says of one machine. Texts all, of at most 4 KiB each.
struct CmdbRecord {
    Ip agent;
    std::string sn;
    std::string iplist; ///< Comma-separated.
    std::string idc;
    std::string main_cat;
    std::string sub_cat;
    std::string app_info;
    std::string manager;
    friend bool operator==(CmdbRecord const&, CmdbRecord const&) = default;
};

/// The inventory: in memory, and on disk first. The only place with its SQL. On the loop's thread.
class CmdbRecords {
public:
    explicit CmdbRecords(Store& store, std::size_t most = 200'000) : store_(store), most_(most) {}

    /// Before the loop runs only: reads them all.
    void load();

    /// Null where there is none. Valid until the next co_await.
    [[nodiscard]] CmdbRecord const* find(Ip const& agent) const;
    /// By IP. Valid until the next co_await.
    [[nodiscard]] std::map<Ip, CmdbRecord> const& all() const noexcept { return by_ip_; }

    /// Adds the records or replaces those before, all in one transaction with what `also` writes; a record
    /// that is on disk already as it is given is not written again. Returns how many were written, when that
    /// is on disk. Throws Error 507.1 when the disk won't take it: the old records stand then; 429.1 where
    /// there are too many.
    [[nodiscard]] asio::awaitable<std::size_t> put(std::vector<CmdbRecord> records, Store::Work also = {});
    /// Returns when that is on disk. Throws Error 415.1 where there is none, 507.1 as above.
    [[nodiscard]] asio::awaitable<void> erase(Ip agent, Store::Work also = {});

    // Within another one's work, in its transaction; and when that is on disk:
    static void erase_in(Db& db, Ip const& agent);
    void drop(Ip const& agent) { by_ip_.erase(agent); }

private:
    class Writing;
    [[nodiscard]] std::vector<CmdbRecord> changed(std::vector<CmdbRecord> records) const;
    void require_room(std::vector<CmdbRecord> const& records) const;

    Store& store_;
    std::size_t most_;
    std::map<Ip, CmdbRecord> by_ip_;
    std::map<Ip, std::size_t> writing_; ///< On their way to disk: what is in memory is not the last of them.
};

} // namespace elves
