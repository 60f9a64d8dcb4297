#include "server/listen_overlap.hpp"

#include "catch.hpp"

using namespace elves;

TEST_CASE("listeners overlap where both would take the same connection", "[listen]")
{
    struct Row {
        char const* one;
        char const* other;
        bool is_overlapping;
    };
    for (auto const& row : {Row{"127.0.0.1", "127.0.0.1", true}, Row{"127.0.0.1", "127.0.0.2", false},
             Row{"0.0.0.0", "127.0.0.1", true}, Row{"::", "127.0.0.1", true}, Row{"::", "0.0.0.0", true},
             Row{"::", "::1", true}, Row{"0.0.0.0", "::1", false}, Row{"::1", "127.0.0.1", false},
             Row{"::ffff:127.0.0.1", "127.0.0.1", true}}) {
        CAPTURE(row.one, row.other);
        auto const one = Ip::parse(row.one).value();
        auto const other = Ip::parse(row.other).value();
        CHECK(is_overlapping({one, 7788}, {other, 7788}) == row.is_overlapping);
        CHECK(is_overlapping({other, 7788}, {one, 7788}) == row.is_overlapping);
        CHECK_FALSE(is_overlapping({one, 7788}, {other, 7789}));
        CHECK_FALSE(is_overlapping({one, 0}, {other, 0}));
    }
}
