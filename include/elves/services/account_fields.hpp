#pragma once

#include <string>
#include <string_view>

#include "elves/services/quotas.hpp"

namespace elves {

/// Adds `account` and `workers` to what an agent is told to run: whose workers it uses, and how many of them
/// at a time (docs/protocol.md, On the agent's link). Nothing for the caller without a key, whom agents do
/// not limit. `add`: takes a name and a string.
template <class Add>
void add_account(std::string_view key, Quotas const& quotas, Add const& add)
{
    if (key.empty()) return;
    auto const limits = quotas.limits_of(key);
    add("account", key);
    if (limits.workers) {
        add("workers", std::to_string(*limits.workers));
    } else if (limits.is_admin) {
        add("workers", "0");
    }
}

} // namespace elves
