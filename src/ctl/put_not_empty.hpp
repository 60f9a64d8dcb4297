#pragma once

#include "ctl/command.hpp"
#include "elves/trimmed.hpp"

namespace elves::ctl {

/// Throws Usage where the option was typed and its value is empty: on the wire that is one that was not
/// given, and an empty variable of a script would make a key that never expires.
inline void require_not_empty(Args const& args, std::string_view name)
{
    if (args.has(name) && trimmed(args.text(name)).empty())
        throw Usage(std::string(name) + " is empty; give a value, or leave it out");
}

/// Adds `field` where the option `name` was typed, as Args::put does, and not empty.
inline void put_not_empty(
    Args const& args, json::object& fields, std::string_view field, std::string_view name)
{
    require_not_empty(args, name);
    args.put(fields, field, name);
}

} // namespace elves::ctl
