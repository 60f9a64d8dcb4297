#include "audit/denied_limit.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct Limit {
    DeniedLimit limit{16};
    Clock::Steady now{};

    int taken(std::string const& ip, int tries)
    {
        int rows = 0;
        for (int i = 0; i < tries; ++i)
            rows += limit.takes(Ip::parse(ip).value(), "supervisor.login", "401.5", now);
        return rows;
    }
};

} // namespace

TEST_CASE("of one address so many denied calls are told, and then few; the rest is counted", "[audit]")
{
    Limit limit;
    CHECK(limit.taken("10.0.0.1", 1'000) == 100);
    auto const counts = limit.limit.take();
    REQUIRE(counts.size() == 1);
    CHECK(counts[0].address == "10.0.0.1");
    CHECK(counts[0].method == "supervisor.login");
    CHECK(counts[0].code == "401.5");
    CHECK(counts[0].more == 900);
    CHECK(limit.limit.take().empty());
    limit.now += 60s;
    CHECK(limit.taken("10.0.0.1", 1'000) == 6);
    limit.now += 24h;
    CHECK(limit.taken("10.0.0.1", 1'000) == 100);
    CHECK(limit.taken("10.0.0.2", 10) == 10); // another one's are his own
}

TEST_CASE("many addresses together can't fill the disk or the memory either", "[audit]")
{
    Limit limit;
    int rows = 0;
    for (int i = 0; i < 200; ++i) {
        for (int j = 0; j < 200; ++j)
            rows += limit.taken("10.1." + std::to_string(i) + "." + std::to_string(j), 1);
    }
    CHECK(rows == 500);
    CHECK(limit.limit.addresses() == 16);
    std::int64_t more = 0;
    auto const counts = limit.limit.take();
    for (auto const& count : counts) more += count.more;
    CHECK(more == 40'000 - 500);
    CHECK(counts.size() == 17);
    CHECK(counts.back().address.empty());
    limit.now += 10s;
    CHECK(limit.taken("10.9.9.9", 100) == 10);
}
