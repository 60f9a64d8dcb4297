#include "tasklog/live_output.hpp"

#include <limits>

#include "catch.hpp"
#include "support/task_house.hpp"
#include "tasklog/task_records.hpp"

using namespace elves;

namespace {

struct House : TaskHouse {
    House() { output.set_most(1'000); }
    std::int64_t kept()
    {
        output.flush();
        settle();
        return number("SELECT coalesce(sum(length(data)), 0) FROM outputs");
    }
    std::int64_t rows()
    {
        kept();
        return number("SELECT count(*) FROM outputs");
    }
    std::string shown(TaskId id)
    {
        kept();
        return joined_output(task_records::output(store.db(), id), 0, 1'000'000);
    }
    LiveOutput output{store, clock};
};

} // namespace

TEST_CASE("of a task's output no more is kept than its bound, however it is cut", "[live_output]")
{
    House house;
    for (std::int64_t at = 0; at < 1'000; ++at) house.output.add(TaskId(1), at, std::string(100, 'x'));
    CHECK(house.kept() == 1'000);
    house.output.forget(TaskId(1));
    house.output.add(TaskId(2), 950, std::string(100, 'x'));
    house.output.add(TaskId(2), 0, std::string(1'001, 'x'));
    CHECK(house.kept() == 1'000);
}

TEST_CASE("an offset that no output can have is dropped", "[live_output]")
{
    House house;
    for (auto const at : {std::numeric_limits<std::int64_t>::max(), std::int64_t{-1},
             std::numeric_limits<std::int64_t>::min(), std::int64_t{1'000}})
        house.output.add(TaskId(1), at, "x");
    CHECK(house.kept() == 0);
    house.output.add(TaskId(1), 999, "x");
    CHECK(house.kept() == 1);
}

TEST_CASE("pieces of one byte become rows of up to a KiB, in one write and over many", "[live_output]")
{
    House house;
    house.output.set_most(100'000);
    std::string all;
    for (std::int64_t at = 0; at < 10'000; ++at) {
        std::string const byte(1, static_cast<char>('a' + at % 26));
        all += byte;
        house.output.add(TaskId(1), at, byte);
        house.output.add(TaskId(2), at, byte);
        if (at % 7 == 0) house.output.flush(); // some in one write, some in the next
    }
    CHECK(house.rows() <= 2 * (10'000 / 1'024 + 2));
    CHECK(house.shown(TaskId(1)) == all);
    CHECK(house.shown(TaskId(2)) == all);
}

TEST_CASE("a small gap is filled with what stands for it, a large one is not", "[live_output]")
{
    House house;
    house.output.add(TaskId(1), 0, "a");
    house.output.add(TaskId(1), 1, "b");
    house.output.add(TaskId(1), 5, "c");
    CHECK(house.rows() == 2);
    house.output.add(TaskId(1), 500, "d");
    CHECK(house.rows() == 3);
    CHECK(house.shown(TaskId(1)) == "ab???c" + std::string(494, '?') + "d");
    for (std::int64_t at = 502; at < 900; at += 2) house.output.add(TaskId(1), at, "x");
    CHECK(house.rows() == 3);
}

TEST_CASE("a piece behind a write that failed does not move to that one's place", "[live_output]")
{
    House house;
    house.output.add(TaskId(1), 0, "a");
    house.output.add(TaskId(1), 1, "b");
    house.kept();
    house.store.fail_next();
    house.output.add(TaskId(1), 2, "lost");
    house.kept();
    house.output.add(TaskId(1), 6, "c");
    house.kept();
    house.output.add(TaskId(1), 7, "d");
    CHECK(house.shown(TaskId(1)) == "ab????cd");
    CHECK(house.rows() == 3);
}

TEST_CASE("times of the first and the last output stay what they were", "[live_output]")
{
    House house;
    auto const begun = house.clock.now();
    for (std::int64_t at = 0; at < 5; ++at) {
        house.output.add(TaskId(1), at, "x");
        house.kept();
        house.clock.advance(std::chrono::seconds(1));
    }
    auto const times = task_records::output_times(house.store.db(), TaskId(1));
    CHECK(times.first == begun);
    CHECK(times.last == begun + std::chrono::seconds(4));
    CHECK(times.bytes == 5);
}
