#include "version_order.hpp"

#include <array>

#include "catch.hpp"

using namespace elves;

TEST_CASE("versions are ordered by their numbers, and a tilde sorts before the end", "[fleet]")
{
    constexpr std::array ascending{"", "0.9", "1.0~~", "1.0~rc1", "1.0~rc2", "1.0", "1.0a", "1.0-1", "1.0.0",
        "1.1", "1.2", "1.10", "1.10.0", "2", "10", "99999999999999999999998", "99999999999999999999999"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t k = 0; k < ascending.size(); ++k) {
            CAPTURE(ascending[i], ascending[k]);
            CHECK((compare_versions(ascending[i], ascending[k]) == (i <=> k)));
        }
    }
    CHECK((compare_versions("1.01", "1.1") == 0));
    CHECK((compare_versions("v1", "v01") == 0));
}
