#pragma once

#include "elves/ip.hpp"

namespace elves {

/// Whether a machine can have that address: not 0.0.0.0 and ::, which stand for every or no address, nor
/// multicast (224.0.0.0/4, ff00::/8), nor the broadcast address 255.255.255.255. IPv4-mapped forms count as
/// the IPv4 address.
[[nodiscard]] bool is_host_address(Ip const& ip);

} // namespace elves
