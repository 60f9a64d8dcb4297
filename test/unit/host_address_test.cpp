#include "elves/host_address.hpp"

#include "catch.hpp"

using namespace elves;

TEST_CASE("a machine has an address of its own: none that stands for many, all or none", "[ip]")
{
    for (auto const* const text : {"0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "239.255.255.255",
             "ff02::1", "ff00::", "255.255.255.255", "::ffff:255.255.255.255", "::ffff:e000:1"}) {
        CAPTURE(text);
        CHECK_FALSE(is_host_address(Ip::parse(text).value()));
    }
    for (auto const* const text : {"10.0.0.1", "127.0.0.1", "0.0.0.1", "223.255.255.255", "240.0.0.1", "::1",
             "fe80::1", "2001:db8::1"}) {
        CAPTURE(text);
        CHECK(is_host_address(Ip::parse(text).value()));
    }
}
