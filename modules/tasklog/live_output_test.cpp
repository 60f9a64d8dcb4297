#include "tasklog/live_output.hpp"

#include <limits>

#include "catch.hpp"
#include "support/task_house.hpp"
#include "tasklog/task_book.hpp"

using namespace elves;

namespace {

struct House : TaskHouse {
    House()
    {
        book.load();
        output.set_most(1'000);
    }
    std::int64_t kept()
    {
        output.flush();
        settle();
        return number("SELECT coalesce(sum(length(data)), 0) FROM outputs");
    }
    TaskBook book{store, clock}; ///< Makes the tables.
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
