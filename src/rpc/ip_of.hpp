#pragma once

#include <boost/asio/ip/address.hpp>

#include "elves/ip.hpp"

namespace elves {

/// By its bytes: its text has a zone (`%eth0`) where it is of one net alone, and is no Ip then.
[[nodiscard]] inline Ip ip_of(boost::asio::ip::address const& address)
{
    return address.is_v4() ? Ip::of_v4(address.to_v4().to_bytes()) : Ip::of_v6(address.to_v6().to_bytes());
}

} // namespace elves
