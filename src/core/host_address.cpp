#include "elves/host_address.hpp"

namespace elves {

bool is_host_address(Ip const& ip)
{
    // Of one family addresses are ordered as numbers are. Each call has an address to judge: no ranges here.
    static auto const multicast = Ip::of_v4({224, 0, 0, 0});
    static auto const behind_multicast = Ip::of_v4({240, 0, 0, 0});
    static auto const broadcast = Ip::of_v4({255, 255, 255, 255});
    static auto const multicast_v6 = Ip::of_v6({0xFF});
    static auto const unspecified_v6 = Ip::of_v6({});
    if (!ip.is_v4()) return ip < multicast_v6 && ip != unspecified_v6;
    if (ip < multicast) return ip != Ip();
    return !(ip < behind_multicast) && ip != broadcast;
}

} // namespace elves
