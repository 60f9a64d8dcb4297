#include "elves/task_id.hpp"

#include <limits>
#include <map>
#include <unordered_set>

#include "catch.hpp"

using elves::TaskId;
using namespace std::string_view_literals;

TEST_CASE("an id is shown as 16 upper-case hex digits", "[task_id]")
{
    CHECK(TaskId().text() == "0000000000000000");
    CHECK(TaskId(0x1f).text() == "000000000000001F");
    CHECK(TaskId(0x0123456789abcdef).text() == "0123456789ABCDEF");
    CHECK(TaskId(std::numeric_limits<std::uint64_t>::max()).text() == "FFFFFFFFFFFFFFFF");
}

TEST_CASE("an id is read back, in lower case too", "[task_id]")
{
    CHECK(TaskId::parse("0123456789ABCDEF") == TaskId(0x0123456789abcdef));
    CHECK(TaskId::parse("ffffffffffffffff") == TaskId(std::numeric_limits<std::uint64_t>::max()));
    auto const id = TaskId::random();
    CHECK(TaskId::parse(id.text()) == id);
}

TEST_CASE("what is not exactly 16 hex digits is no id", "[task_id]")
{
    for (auto const text : {""sv, "0"sv, "0123456789ABCDE"sv, "0123456789ABCDEF0"sv, "0123456789ABCDEG"sv,
             " 123456789ABCDEF"sv, "0123456789ABCDE "sv, "-123456789ABCDEF"sv, "+123456789ABCDEF"sv,
             "0x23456789ABCDEF"sv, "0123456\089ABCDEF"sv}) {
        INFO(text);
        CHECK_FALSE(TaskId::parse(text));
    }
}

TEST_CASE("ids made one after the other begin alike, 16 at most, and differ in all else", "[task_id]")
{
    std::map<std::uint64_t, int> beginnings;
    std::unordered_set<std::uint64_t> rests;
    for (int i = 0; i < 1'600; ++i) {
        auto const value = TaskId::random().value();
        ++beginnings[value >> 48U];
        rests.insert(value << 16U);
    }
    // The first and the last may be cut; two of a hundred may be the same by chance.
    CHECK(beginnings.size() >= 95);
    CHECK(beginnings.size() <= 101);
    CHECK(rests.size() == 1'600);
}

TEST_CASE("random ids differ, and none is the empty one", "[task_id]")
{
    std::unordered_set<TaskId> seen = {TaskId()};
    for (int i = 0; i < 1000; ++i) CHECK(seen.insert(TaskId::random()).second);
}
