#pragma once

#include <string>

#include "elves/ip.hpp"

namespace elves {

/// Whom to count an address as. Who has one IPv6 address has all of its /64, so they are one; IPv4 as it is.
[[nodiscard]] inline Ip asker(Ip const& from)
{
    if (from.is_v4()) return from;
    auto const network = IpRange::parse(from.text() + "/64");
    return network ? network->first() : from;
}

} // namespace elves
