#include "tasklog/live_output.hpp"

#include <limits>

#include "catch.hpp"
#include "support/task_house.hpp"
#include "tasklog/task_records.hpp"

using namespace elves;

namespace {

struct House : TaskHouse {
    ~House() { drop_unfinished(); }
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
    /// Bytes from `offset` on, as `gettaskoutput` shows them.
    std::string shown(TaskId id, std::int64_t offset = 0, std::int64_t limit = 1'000'000,
        OutputStream stream = OutputStream::output)
    {
        kept();
        auto const size = task_records::output_size(store.db(), id, stream);
        auto const pieces = task_records::output(store.db(), id, stream, offset, limit + page_margin);
        return output_page(pieces, {offset, limit, size});
    }
    void add(TaskId id, std::int64_t at, std::string data)
    {
        ArrivedOutput arrived;
        arrived.id = id;
        arrived.at = at;
        arrived.data = std::move(data);
        CHECK(output.add(std::move(arrived)));
    }
    /// As an agent does that sends again what is not confirmed.
    void resend(TaskId id, std::int64_t at, std::string data, OutputStream stream = OutputStream::output)
    {
        ArrivedOutput arrived;
        arrived.id = id;
        arrived.stream = stream;
        arrived.at = at;
        arrived.data = std::move(data);
        arrived.is_final = true;
        arrived.fills_gaps = false;
        CHECK(output.add(std::move(arrived)));
    }
    LiveOutput output{store, clock};
};

} // namespace

TEST_CASE("of a task's output no more is kept than its bound, however it is cut", "[live_output]")
{
    House house;
    for (std::int64_t at = 0; at < 1'000; ++at) house.add(TaskId(1), at, std::string(100, 'x'));
    // With the line that says what an agent has left out.
    auto const most = 1'000 + static_cast<std::int64_t>(cut_line_room);
    CHECK(house.kept() == 1'064);
    CHECK(task_records::left_out(house.store.db(), TaskId(1)) > 0);
    house.output.forget(TaskId(1));
    house.add(TaskId(2), most - 50, std::string(100, 'y'));
    house.add(TaskId(2), 0, std::string(2'000, 'x'));
    CHECK(house.kept() == 2 * most);
    CHECK(task_records::left_out(house.store.db(), TaskId(2)) == 50 + 2'000 - most);
    CHECK(house.shown(TaskId(2)) ==
          std::string(static_cast<std::size_t>(most) - 50, 'x') + std::string(50, 'y'));
}

TEST_CASE("an offset that no output can have is dropped", "[live_output]")
{
    House house;
    for (auto const at : {std::numeric_limits<std::int64_t>::max(), std::int64_t{-1},
             std::numeric_limits<std::int64_t>::min(), std::int64_t{1'064}})
        house.add(TaskId(1), at, "x");
    CHECK(house.kept() == 0);
    house.add(TaskId(1), 999, "x");
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
        house.add(TaskId(1), at, byte);
        house.add(TaskId(2), at, byte);
        if (at % 7 == 0) house.output.flush(); // some in one write, some in the next
    }
    CHECK(house.rows() <= 2 * (10'000 / 1'024 + 2));
    CHECK(house.shown(TaskId(1)) == all);
    CHECK(house.shown(TaskId(2)) == all);
}

TEST_CASE("a small gap is filled with what stands for it, a large one is not", "[live_output]")
{
    House house;
    house.add(TaskId(1), 0, "a");
    house.add(TaskId(1), 1, "b");
    house.add(TaskId(1), 5, "c");
    CHECK(house.rows() == 2);
    house.add(TaskId(1), 500, "d");
    CHECK(house.rows() == 3);
    CHECK(house.shown(TaskId(1)) == "ab???c[494 bytes left out]" + std::string(474, '?') + "d");
    for (std::int64_t at = 502; at < 900; at += 2) house.add(TaskId(1), at, "x");
    CHECK(house.rows() == 3);
}

TEST_CASE("a piece behind a write that failed does not move to that one's place", "[live_output]")
{
    House house;
    house.add(TaskId(1), 0, "a");
    house.add(TaskId(1), 1, "b");
    house.kept();
    house.store.fail_next();
    house.add(TaskId(1), 2, "lost");
    house.kept();
    house.add(TaskId(1), 6, "c");
    house.kept();
    house.add(TaskId(1), 7, "d");
    CHECK(house.shown(TaskId(1)) == "ab????cd");
    CHECK(house.rows() == 3);
    house.resend(TaskId(1), 2, "lost");
    CHECK(house.shown(TaskId(1)) == "ablostcd");
}

TEST_CASE("what is sent again is not written twice, however it is cut", "[live_output]")
{
    House house;
    std::string all;
    for (int i = 0; i < 900; ++i) all += static_cast<char>('a' + i % 26);
    std::int64_t counted = 0;
    house.output.on_written([&](std::string const&, std::int64_t bytes) { counted += bytes; });
    for (std::int64_t at = 0; at < 900; at += 90) house.add(TaskId(1), at, all.substr(at, 90));
    house.kept();
    house.output.forget(TaskId(1)); // as after a restart
    for (std::int64_t at = 0; at < 900; at += 70) {
        house.resend(TaskId(1), at, all.substr(at, 100));
        if (at % 3 == 0) house.kept();
    }
    CHECK(house.kept() == 900);
    CHECK(house.shown(TaskId(1)) == all);
    CHECK(counted == 900);
}

TEST_CASE("pieces that come in any order are in their places", "[live_output]")
{
    House house;
    for (std::int64_t const at : {6, 0, 3, 9}) house.resend(TaskId(1), at, "abcdefghijkl" + std::string());
    CHECK(house.shown(TaskId(1)).starts_with("abcdefabc"));
    house.resend(TaskId(2), 6, "ghi");
    house.resend(TaskId(2), 0, "abcdefghi");
    CHECK(house.shown(TaskId(2)) == "abcdefghi");
}

TEST_CASE("a page is read from any offset without what comes before it", "[live_output]")
{
    House house;
    house.output.set_most(1'000'000);
    std::string all;
    for (int i = 0; all.size() < 300'000; ++i) all += "line " + std::to_string(i) + " \xE2\x82\xAC\n";
    for (std::size_t at = 0; at < all.size(); at += 30'000)
        house.add(TaskId(1), static_cast<std::int64_t>(at), all.substr(at, 30'000));
    house.kept();
    CHECK(task_records::output_size(house.store.db(), TaskId(1), OutputStream::output) ==
          static_cast<std::int64_t>(all.size()));
    std::string read;
    while (read.size() < all.size()) {
        auto const page = house.shown(TaskId(1), static_cast<std::int64_t>(read.size()), 7'001);
        REQUIRE_FALSE(page.empty());
        REQUIRE(page.size() <= 7'001);
        read += page;
    }
    CHECK(read == all);
    auto const late = static_cast<std::int64_t>(all.size()) - 10;
    CHECK(task_records::output(house.store.db(), TaskId(1), OutputStream::output, late, 10).size() <= 2);
    CHECK(house.shown(TaskId(1), late + 10'000, 10).empty());
}

TEST_CASE("both streams are kept apart", "[live_output]")
{
    House house;
    house.add(TaskId(1), 0, "out");
    house.resend(TaskId(1), 0, "err", OutputStream::errors);
    CHECK(house.shown(TaskId(1)) == "out");
    CHECK(house.shown(TaskId(1), 0, 10, OutputStream::errors) == "err");
    auto const times = task_records::output_times(house.store.db(), TaskId(1));
    CHECK(times.bytes == 6);
}

TEST_CASE(
    "a wait for output to be on disk ends when it is written, and when the write fails", "[live_output]")
{
    House house;
    house.add(TaskId(1), 0, "a");
    auto const wait = [&]() -> asio::awaitable<bool> {
        co_await house.output.on_disk();
        co_return true;
    };
    auto const well = house.begin(wait());
    CHECK_FALSE(well.is_there());
    house.clock.advance(std::chrono::milliseconds(100));
    house.settle();
    CHECK(well.get());
    house.add(TaskId(1), 1, "b");
    house.store.fail_next();
    auto const ill = house.begin(wait());
    house.clock.advance(std::chrono::milliseconds(100));
    house.settle();
    CHECK(ill.refusal().starts_with("[507.1]"));
}

TEST_CASE("times of the first and the last output stay what they were", "[live_output]")
{
    House house;
    auto const begun = house.clock.now();
    for (std::int64_t at = 0; at < 5; ++at) {
        house.add(TaskId(1), at, "x");
        house.kept();
        house.clock.advance(std::chrono::seconds(1));
    }
    auto const times = task_records::output_times(house.store.db(), TaskId(1));
    CHECK(times.first == begun);
    CHECK(times.last == begun + std::chrono::seconds(4));
    CHECK(times.bytes == 5);
}

TEST_CASE("what failed to be written is written when it is sent again, in any order", "[live_output]")
{
    House house;
    house.resend(TaskId(1), 0, "aaaaa");
    house.resend(TaskId(1), 5, "bbbbb");
    house.store.fail_next();
    house.kept();
    house.resend(TaskId(1), 0, "aaaaa");
    house.kept();
    house.resend(TaskId(1), 5, "bbbbb");
    house.resend(TaskId(1), 10, "ccccc");
    CHECK(house.shown(TaskId(1)) == "aaaaabbbbbccccc");
}

TEST_CASE("pieces that overlap by all but a byte do not take a row each", "[live_output]")
{
    House house;
    house.output.set_most(100'000);
    for (std::int64_t at = 0; at < 5'000; ++at) house.add(TaskId(1), at, std::string(100, 'x'));
    CHECK(house.rows() <= 5'000 / 1'024 + 3);
    CHECK(house.shown(TaskId(1)) == std::string(5'099, 'x'));
}
