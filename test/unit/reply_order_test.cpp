#include "rpc/reply_order.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "catch.hpp"

using namespace elves;

TEST_CASE("a reply that is ready early waits for those before it", "[rpc]")
{
    ReplyOrder order;
    std::string out;
    CHECK(order.free());
    auto const first = order.take_place();
    auto const second = order.take_place();
    auto const third = order.take_place();
    order.fill(third, "3", out);
    order.fill(second, "2", out);
    CHECK(out.empty());
    CHECK_FALSE(order.free());
    CHECK(order.held() == 2);
    order.fill(first, "1", out);
    CHECK(out == "123");
    CHECK(order.held() == 0);
    CHECK(order.free());
}

TEST_CASE("replies leave in the order of the calls, in whatever order they come", "[rpc]")
{
    std::minstd_rand random(3);
    for (int round = 0; round < 100; ++round) {
        ReplyOrder order;
        std::string out, expected;
        std::vector<std::pair<std::uint64_t, char>> open;
        char next = 'a';
        while (next <= 'z' || !open.empty()) {
            if (next <= 'z' && (open.empty() || random() % 2)) {
                open.emplace_back(order.take_place(), next);
                expected += next++;
            } else {
                auto const which = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
                order.fill(which->first, std::string(1, which->second), out);
                open.erase(which);
            }
        }
        CHECK(out == expected);
        CHECK(order.free());
    }
}
