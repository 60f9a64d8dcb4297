#include "elves/host_address.hpp"

#include <algorithm>
#include <array>

namespace elves {

bool is_host_address(Ip const& ip)
{
    static auto const refused = std::array{IpRange::parse("0.0.0.0").value(), IpRange::parse("::").value(),
        IpRange::parse("224.0.0.0/4").value(), IpRange::parse("255.255.255.255").value(),
        IpRange::parse("ff00::/8").value()};
    return std::none_of(
        refused.begin(), refused.end(), [&ip](IpRange const& range) { return range.contains(ip); });
}

} // namespace elves
