#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "elves/asio.hpp"
#include "elves/ip.hpp"
#include "elves/label_value.hpp"
#include "elves/store.hpp"
#include "target_match.hpp"

namespace elves {

/// What a change does to the labels of each of its hosts.
struct LabelChange {
    Labels set;
    std::vector<std::string> unset;
};

/// The labels of hosts: in memory, and on disk first. The only place with their SQL. On the loop's thread.
class FleetLabels {
public:
    static constexpr std::size_t most_of_one = most_labels;

    explicit FleetLabels(Store& store) : store_(store) {}

    /// Before the loop runs only.
    void load();
    /// Null for a host without labels. Valid until the next co_await.
    [[nodiscard]] Labels const* find(Ip const& host) const;
    /// The keys that some host has. Valid until the next co_await.
    [[nodiscard]] Target::Labels const& keys() const noexcept { return keys_; }

    /// Changes all of them in one transaction, with what `also` writes. Returns how many hosts have other
    /// labels by it, when that is on disk. Throws Error 403.10 where a host would have too many, 507.1 where
    /// the disk does not take it: nothing has changed then.
    [[nodiscard]] asio::awaitable<std::size_t> change(
        std::vector<Ip> hosts, LabelChange change, Store::Work also);

    /// Part of a transaction: what the host has there goes.
    static void erase_in(Db& db, Ip const& host);
    /// That is on disk: it goes here, too.
    void drop(Ip const& host);

private:
    void count(Labels const& labels, bool are_new);

    Store& store_;
    std::unordered_map<Ip, Labels> by_host_;
    std::map<std::string, std::size_t, std::less<>> uses_; ///< Hosts that have the key.
    Target::Labels keys_;
};

} // namespace elves
