#include "ctl/printed_output.hpp"

#include "catch.hpp"

using namespace elves;
using namespace elves::ctl;

TEST_CASE("without a prefix text goes out as it comes, and its last line is ended", "[printed_output]")
{
    LinePrinter printer("");
    CHECK(printer.put("a") == "a");
    CHECK(printer.put("b\n") == "b\n");
    CHECK(printer.finish().empty());
    CHECK(printer.put("c\x1b[2J") == "c\\x1b[2J");
    CHECK(printer.finish() == "\n");
}

TEST_CASE("with a prefix a line goes out when it has ended", "[printed_output]")
{
    LinePrinter printer("10.0.0.1| ");
    CHECK(printer.put("a").empty());
    CHECK(printer.put("b\n\nc") == "10.0.0.1| ab\n10.0.0.1| \n");
    CHECK(printer.finish() == "10.0.0.1| c\n");
    CHECK(printer.finish().empty());
}

TEST_CASE("pages are asked for where the last ones ended, up to the size", "[printed_output]")
{
    TaskOutput printed;
    CHECK(printed.take({{"output", "abc"}, {"size", "6"}, {"stderr", "x"}, {"stderr_size", "1"}}));
    CHECK(printed.next_call("ID").at("offset").as_uint64() == 3);
    CHECK(printed.next_call("ID").at("stderr_offset").as_uint64() == 1);
    CHECK(printed.take({{"output", "def"}, {"size", "6"}, {"stderr", ""}, {"stderr_size", "1"}}));
    CHECK_FALSE(printed.take({{"output", "more"}, {"size", "6"}, {"stderr", "y"}, {"stderr_size", "1"},
        {"exit_code", "2"}, {"truncated", "true"}, {"left_out", "7"}}));
    CHECK(printed.output == "abcdef");
    CHECK(printed.errors == "x");
    CHECK((printed.exit_code == "2" && printed.is_truncated && printed.left_out == "7"));
}

TEST_CASE("a server without offsets of stderr says all of it each time", "[printed_output]")
{
    TaskOutput printed;
    CHECK(printed.take({{"output", "abc"}, {"size", "3"}, {"stderr", "x"}}));
    CHECK_FALSE(printed.take({{"output", ""}, {"size", "3"}, {"stderr", "xy"}}));
    CHECK(printed.errors == "xy");
}
