#include "elves/ip.hpp"

#include <algorithm>
#include <random>
#include <unordered_set>
#include <utility>
#include <vector>

#include "catch.hpp"

using elves::Ip;
using elves::IpRange;
using elves::IpSet;
using namespace std::string_view_literals;

TEST_CASE("an address comes out as RFC 5952 writes it", "[ip]")
{
    std::vector<std::pair<std::string_view, std::string>> const table = {
        {"127.0.0.1", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::0:1", "::1"},
        {"1::", "1::"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"2001:DB8::A", "2001:db8::a"},
        {"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"1:0:0:2:3:0:0:0", "1:0:0:2:3::"},
        {"::1.2.3.4", "::102:304"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::FFFF:a00:1", "10.0.0.1"},
        {"fd00:1:2:3:4:5:6:7", "fd00:1:2:3:4:5:6:7"},
    };
    for (auto const& [written, text] : table) {
        INFO(written);
        auto const ip = Ip::parse(written);
        REQUIRE(ip);
        CHECK(ip->text() == text);
        CHECK(Ip::parse(ip->text()) == ip);
    }
}

TEST_CASE("what is no address is refused", "[ip]")
{
    std::vector<std::string_view> const table = {"", " ", "10.0.0.1 ", " 10.0.0.1", "10.0.0", "10.0.0.0.1",
        "10.0.0.256", "010.0.0.1", "10.0.0.01", "0x0a.0.0.1", "10.0.0.1:80", "10.0.0.1/8", "1", "167772161",
        "10.0.0.-1", "10..0.1", "::1%eth0", "fe80::1%1", "[::1]", ":::", "::1::", "1:2:3:4:5:6:7",
        "12345::", "g::", "1:2:3:4:5:6:7:8:9", ":1:2:3:4:5:6:7", "::ffff:010.0.0.1", "::1/64", "localhost",
        "*", "10.0.0.1\0"sv, "10.0.0.1\0x"sv, "::1\n",
        "0000000000000000000000000000000000000000000000000000000000000001::"};
    for (auto const& text : table) {
        INFO(text);
        CHECK_FALSE(Ip::parse(text));
    }
}

TEST_CASE("an address knows whether it is this machine's loopback", "[ip]")
{
    CHECK(Ip().text() == "0.0.0.0");
    CHECK_FALSE(Ip().is_loopback());
    CHECK(Ip::parse("127.9.8.7")->is_loopback());
    CHECK(Ip::parse("::1")->is_loopback());
    CHECK(Ip::parse("::ffff:127.0.0.1")->is_loopback());
    CHECK_FALSE(Ip::parse("::127.0.0.1")->is_loopback());
    CHECK_FALSE(Ip::parse("128.0.0.1")->is_loopback());
    CHECK_FALSE(Ip::parse("::2")->is_loopback());
}

TEST_CASE("equal addresses are one key, whatever way they were written", "[ip]")
{
    std::unordered_set<Ip> const set = {*Ip::parse("::ffff:10.0.0.1"), *Ip::parse("10.0.0.1"),
        *Ip::parse("::1"), *Ip::parse("0::0:1"), *Ip::parse("::10.0.0.1")};
    CHECK(set.size() == 3);
    CHECK(*Ip::parse("10.0.0.1") != *Ip::parse("::10.0.0.1"));
    CHECK(*Ip::parse("10.0.0.2") < *Ip::parse("10.0.0.10"));
}

TEST_CASE("a range holds what its prefix says", "[ip]")
{
    struct Row {
        std::string_view range, text, in, out;
    };
    std::vector<Row> const table = {
        {"10.1.2.3", "10.1.2.3", "10.1.2.3", "10.1.2.4"},
        {"10.1.2.3/32", "10.1.2.3", "::ffff:10.1.2.3", "10.1.2.2"},
        {"10.1.2.3/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
        {"192.168.5.77/20", "192.168.0.0/20", "192.168.15.255", "192.168.16.0"},
        {"10.0.0.1/31", "10.0.0.0/31", "10.0.0.0", "10.0.0.2"},
        {"0.0.0.0/0", "0.0.0.0/0", "255.1.2.3", "::1"},
        {"::/0", "::/0", "fd00::1", "10.0.0.1"},
        {"::1.2.3.4/100", "::/100", "::fff:1", "::ffff:1.2.3.4"},
        {"::ffff:10.1.2.3/104", "10.0.0.0/8", "10.200.0.1", "::ffff:11.0.0.1"},
        {"fd00::1/8", "fd00::/8", "fdff::1", "fc00::1"},
        {"2001:db8:8000::/33", "2001:db8:8000::/33", "2001:db8:ffff::", "2001:db8:7fff::"},
        {"::1", "::1", "::0:1", "::2"},
    };
    for (auto const& row : table) {
        INFO(row.range);
        auto const range = IpRange::parse(row.range);
        REQUIRE(range);
        CHECK(range->text() == row.text);
        CHECK(range->contains(*Ip::parse(row.in)));
        CHECK_FALSE(range->contains(*Ip::parse(row.out)));
        CHECK(IpRange::parse(range->text()) == range);
    }
}

TEST_CASE("the star holds every address", "[ip]")
{
    auto const all = IpRange::parse("*");
    REQUIRE(all);
    CHECK(all->text() == "*");
    CHECK(all->contains(*Ip::parse("10.0.0.1")));
    CHECK(all->contains(*Ip::parse("fd00::1")));
}

TEST_CASE("what is no range is refused", "[ip]")
{
    for (auto const* const text : {"", "**", "* ", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08",
             "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/8/8", "/8", "10/8", "::/129", "::ffff:10.0.0.0/95",
             "10.0.0.0/99999999999999999999", "10.0.0.0-10.0.0.9"}) {
        INFO(text);
        CHECK_FALSE(IpRange::parse(text));
    }
}

TEST_CASE("a range knows its first address, and whether it is the only one", "[ip]")
{
    struct Row {
        std::string_view range, first;
        bool is_single;
    };
    for (auto const& row : {Row{"10.1.2.3", "10.1.2.3", true}, Row{"10.1.2.3/32", "10.1.2.3", true},
             Row{"10.1.2.3/31", "10.1.2.2", false}, Row{"2001:db8::5", "2001:db8::5", true},
             Row{"2001:db8::5/64", "2001:db8::", false}}) {
        auto const range = IpRange::parse(row.range).value();
        CHECK(range.first().text() == row.first);
        CHECK(range.is_single() == row.is_single);
    }
    CHECK_FALSE(IpRange::parse("*")->is_single());
}

TEST_CASE("a range knows its last address", "[ip]")
{
    for (auto const& [range, last] : {std::pair{"10.1.2.3", "10.1.2.3"}, std::pair{"10.1.2.3/31", "10.1.2.3"},
             std::pair{"10.0.0.0/9", "10.127.255.255"}, std::pair{"0.0.0.0/0", "255.255.255.255"},
             std::pair{"2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"}, std::pair{"::/127", "::1"},
             std::pair{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}}) {
        CHECK(IpRange::parse(range)->last().text() == last);
    }
}

TEST_CASE("a set holds exactly the addresses that one of its ranges contains", "[ip]")
{
    std::mt19937 random(19); // the same addresses in each run
    auto const below = [&random](unsigned most) { return static_cast<unsigned>(random() % most); };
    // Few different bytes, so that ranges nest, touch and repeat.
    auto const address = [&]() {
        std::array<std::uint8_t, 16> bytes{};
        for (std::size_t at = 12; at < 16; ++at)
            bytes[at] = std::array<std::uint8_t, 4>{0, 1, 127, 255}[below(4)];
        if (below(2) == 0) return Ip::of_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
        if (below(4) == 0) bytes[0] = 0xfd;
        return Ip::of_v6(bytes);
    };
    for (int round = 0; round < 200; ++round) {
        std::vector<IpRange> ranges;
        for (unsigned i = below(40); i > 0; --i) {
            auto const ip = address();
            auto const bits = ip.is_v4() ? below(33) : 128 - below(40);
            ranges.push_back(IpRange::parse(ip.text() + "/" + std::to_string(bits)).value());
        }
        if (below(20) == 0) ranges.push_back(IpRange::parse("*").value());
        IpSet const set(ranges);
        for (int probe = 0; probe < 100; ++probe) {
            auto const ip = address();
            bool const naive = std::any_of(
                ranges.begin(), ranges.end(), [&](IpRange const& range) { return range.contains(ip); });
            INFO(ip.text());
            REQUIRE(set.contains(ip) == naive);
        }
        CHECK(set.ranges() == ranges);
    }
}

TEST_CASE("a set knows whether it is all addresses, or one alone", "[ip]")
{
    auto const set = [](std::vector<std::string_view> const& texts) {
        std::vector<IpRange> ranges;
        for (auto const text : texts) ranges.push_back(IpRange::parse(text).value());
        return IpSet(std::move(ranges));
    };
    CHECK_FALSE(set({}).contains(*Ip::parse("10.0.0.1")));
    CHECK_FALSE(set({}).is_single());
    CHECK(set({"10.0.0.1"}).is_single());
    CHECK(set({"10.0.0.1", "10.0.0.1/32"}).is_single());
    CHECK_FALSE(set({"10.0.0.1", "10.0.0.2"}).is_single());
    CHECK_FALSE(set({"10.0.0.0/31"}).is_single());
    CHECK_FALSE(set({"*"}).is_single());
    CHECK_FALSE(set({"10.0.0.1", "*"}).is_single());
    CHECK(set({"10.0.0.1", "*"}).is_all());
    CHECK_FALSE(set({"0.0.0.0/0", "::/0"}).is_all());
    // The same sixteen bytes, of two families.
    CHECK_FALSE(set({"::102:304"}).contains(*Ip::parse("1.2.3.4")));
    CHECK_FALSE(set({"1.2.3.4"}).contains(*Ip::parse("::102:304")));
    CHECK(set({"0.0.0.0/0", "::/96"}).contains(*Ip::parse("::102:304")));
}
