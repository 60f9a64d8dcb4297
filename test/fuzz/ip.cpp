// An address has one spelling: whatever is understood is written in it, and read from it as the same.
#include "elves/ip.hpp"

#include <arpa/inet.h>
#include <array>

#include "fuzz_target.hpp"

using namespace elves;

namespace {

/// As the C library spells it, which knows RFC 5952 but for its mixed notation (`::1.2.3.4`).
std::string by_the_library(std::string const& text)
{
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> spelled{};
    auto const family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
    PROMISE(inet_pton(family, text.c_str(), bytes.data()) == 1);
    PROMISE(inet_ntop(family, bytes.data(), spelled.data(), spelled.size()));
    return spelled.data();
}

void address(std::string_view text)
{
    auto const ip = Ip::parse(text);
    if (!ip) return;
    auto const spelled = ip->text();
    PROMISE(Ip::parse(spelled) == ip);
    auto const by_library = by_the_library(spelled);
    PROMISE(by_library == spelled || (!ip->is_v4() && by_library.find('.') != std::string::npos));
    PROMISE(spelled.size() <= 39);
    PROMISE(
        spelled.find_first_not_of(ip->is_v4() ? "0123456789." : "0123456789abcdef:") == std::string::npos);
    PROMISE(std::hash<Ip>()(*ip) == std::hash<Ip>()(*Ip::parse(spelled)));
    // An address alone is a range that holds nothing else.
    auto const alone = IpRange::parse(text);
    PROMISE(alone && alone->contains(*ip) && alone->text() == spelled);
    PROMISE(ip->is_loopback() == (IpRange::parse("127.0.0.0/8")->contains(*ip) || spelled == "::1"));
}

void range(std::string_view text)
{
    auto const range = IpRange::parse(text);
    if (!range) return;
    auto const spelled = range->text();
    PROMISE(IpRange::parse(spelled) == range);
    PROMISE(spelled.size() <= 43);
    auto const slash = spelled.find('/');
    if (slash == std::string::npos) return;
    auto const base = Ip::parse(spelled.substr(0, slash));
    PROMISE(base && range->contains(*base));
}

/// Does the range hold the address? Just when the address, with the range's prefix, is that range.
void both(std::string_view range_text, std::string_view ip_text)
{
    auto const range = IpRange::parse(range_text);
    auto const ip = Ip::parse(ip_text);
    if (!range || !ip) return;
    auto const spelled = range->text();
    auto const slash = spelled.find('/');
    auto const prefix = slash == std::string::npos ? std::string() : spelled.substr(slash);
    PROMISE(range->contains(*ip) == (spelled == "*" || IpRange::parse(ip->text() + prefix) == range));
}

} // namespace

/// One address or range; or a range, a blank, and an address.
FUZZ_TARGET(ip)
{
    address(input);
    range(input);
    auto const blank = input.find(' ');
    if (blank != std::string_view::npos) both(input.substr(0, blank), input.substr(blank + 1));
}
