#pragma once

#include <string>
#include <string_view>

#include "elves/json.hpp"
#include "elves/services/quotas.hpp"

namespace elves {

/// Adds `account` and `workers` to what an agent is told to run: whose workers it uses, and how many of them
/// at a time (docs/protocol.md, On the agent's link). Nothing for the caller without a key, whom agents do
/// not limit.
inline void add_account(json::object& fields, std::string_view key, Quotas const& quotas)
{
    if (key.empty()) return;
    auto const limits = quotas.limits_of(key);
    fields["account"] = key;
    if (limits.workers) {
        fields["workers"] = std::to_string(*limits.workers);
    } else if (limits.is_admin) {
        fields["workers"] = "0";
    }
}

} // namespace elves
