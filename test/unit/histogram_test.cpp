#include "../../bench/load/histogram.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "catch.hpp"

using elves::bench::Histogram;

TEST_CASE("a percentile of the bench is at most 1% above that of the sorted values", "[bench]")
{
    auto const histogram = std::make_unique<Histogram>();
    std::mt19937_64 random(7);
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 100'000; ++i) {
        // From ns to minutes, as many of each size.
        values.push_back(random() >> (28 + random() % 36));
        histogram->add(values.back());
    }
    std::sort(values.begin(), values.end());
    for (double const part : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        auto const exact = values[static_cast<std::size_t>(part * 100'000 + 0.5) - 1];
        CHECK(histogram->at(part) >= exact);
        CHECK(static_cast<double>(histogram->at(part)) <= static_cast<double>(exact) * 1.01);
    }
    CHECK(histogram->count() == 100'000);
    CHECK(histogram->max() == values.back());
}

TEST_CASE("an empty histogram and the largest value have percentiles too", "[bench]")
{
    auto const histogram = std::make_unique<Histogram>();
    CHECK(histogram->at(0.99) == 0);
    histogram->add(~std::uint64_t{0});
    CHECK(histogram->at(0.5) == ~std::uint64_t{0});
}
