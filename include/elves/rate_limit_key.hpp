#pragma once

#include "elves/ip.hpp"

namespace elves {

/// The address under which limits count a peer: an IPv4 address itself, of an IPv6 address its /64 network,
/// because whoever has one address of that has all of them.
[[nodiscard]] inline Ip rate_limit_key(Ip const& peer)
{
    if (peer.is_v4()) return peer;
    auto const network = IpRange::parse(peer.text() + "/64");
    return network ? network->first() : peer;
}

} // namespace elves
