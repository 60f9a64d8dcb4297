#pragma once

#include <memory>
#include <string>
#include <vector>

#include "elves/caller.hpp"

namespace elves {

/// A key for a test: for every app, and for the ranges that are named.
[[nodiscard]] inline std::shared_ptr<Key const> some_key(
    Role role, std::vector<std::string> const& ranges = {"*"})
{
    auto key = std::make_shared<Key>();
    key->key = "0123456789ABCDEF";
    key->role = role;
    key->apps = {"*"};
    std::vector<IpRange> ips;
    for (auto const& range : ranges) ips.push_back(IpRange::parse(range).value());
    key->ips = std::move(ips);
    return key;
}

} // namespace elves
