#include "tasklog/task_search.hpp"

#include <limits>

#include "catch.hpp"
#include "support/some_key.hpp"
#include "support/task_house.hpp"

using namespace elves;

namespace {

constexpr std::int64_t look = 10; ///< Tasks that one page looks at.

/// Its tasks have the ids and keys 1, 2, 3, …
struct Log : TaskHouse {
    ~Log() { drop_unfinished(); }
    std::uint64_t last = 0;

    void add(int count, std::string const& app = "app", std::string const& agent = "10.0.0.1")
    {
        for (; count > 0; --count) {
            auto task = sent_task(++last, clock.now());
            task.ins.app = app;
            task.agent = Ip::parse(agent).value();
            task_records::insert(store.db(), task);
        }
    }
    /// Their workers have said `result`.
    void add_large(int count, std::string const& result, std::string const& agent = "10.0.0.1")
    {
        for (; count > 0; --count) {
            auto task = sent_task(++last, clock.now());
            task.agent = Ip::parse(agent).value();
            task.report = said(1, result);
            task_records::insert(store.db(), task);
        }
    }
    /// The keys of all that `filter` finds, page by page; the sizes of those pages.
    std::pair<std::vector<std::int64_t>, std::vector<std::size_t>> pages(
        task_records::Filter filter, std::int64_t limit, Key const* key = nullptr)
    {
        std::pair<std::vector<std::int64_t>, std::vector<std::size_t>> all;
        while (true) {
            auto const page = search_tasks(store.db(), filter, limit, key, {look});
            for (auto const& row : page.rows) all.first.push_back(row.key);
            all.second.push_back(page.rows.size());
            if (!page.next) return all;
            filter.before_key = page.next;
        }
    }
};

task_records::Filter of_app(std::string app)
{
    task_records::Filter filter;
    filter.app = std::move(app);
    return filter;
}

std::vector<TaskId> ids_up_to(std::uint64_t last)
{
    std::vector<TaskId> ids;
    for (std::uint64_t id = 1; id <= last; ++id) ids.emplace_back(id);
    return ids;
}

/// The `[CODE] text` that asking for them by id is refused with; "" where it is not.
std::string refusal_of(Log& log, std::vector<TaskId> const& ids, Key const* key = nullptr)
{
    try {
        static_cast<void>(find_tasks(log.store.db(), ids, key));
        return "";
    } catch (Error const& error) {
        return error.info();
    }
}

constexpr std::size_t mib = 1024 * 1024;
constexpr auto too_large = "[429.1] the answer is over 67108864 bytes; ask for fewer at a time";

using Keys = std::vector<std::int64_t>;
using Sizes = std::vector<std::size_t>;

} // namespace

TEST_CASE("pages miss no task and show none twice", "[tasklog]")
{
    Log log;
    CHECK(log.pages({}, 3).second == Sizes{0});
    log.add(7);
    auto const [keys, sizes] = log.pages({}, 3);
    CHECK(keys == Keys{7, 6, 5, 4, 3, 2, 1});
    CHECK(sizes == Sizes{3, 3, 1});
}

TEST_CASE("a search for what is rare ends after so many tasks, and says where to go on", "[tasklog]")
{
    Log log;
    log.add(1, "rare");
    log.add(30);
    auto const [keys, sizes] = log.pages(of_app("rare"), 5);
    CHECK(keys == Keys{1});
    CHECK(sizes == Sizes{0, 0, 0, 1});
    CHECK(log.pages(of_app("never"), 5).second == Sizes{0, 0, 0, 0});
}

TEST_CASE("the tasks of an agent are found however far they lie apart", "[tasklog]")
{
    Log log;
    log.add(1, "app", "10.0.0.2");
    log.add(30);
    log.add(1, "app", "10.0.0.2");
    task_records::Filter filter;
    filter.agent = Ip::parse("10.0.0.2").value();
    auto const [keys, sizes] = log.pages(filter, 5);
    CHECK(keys == Keys{32, 1});
    CHECK(sizes == Sizes{2});
}

TEST_CASE(
    "a search by agent finds tasks across index blocks, and looks at a bounded number of tasks per call",
    "[tasklog]")
{
    Log log;
    log.store.db().script("BEGIN");
    log.add(1, "app", "10.0.0.2"); // 1
    log.add(1'021);
    log.add(4, "app", "10.0.0.2"); // 1023 to 1026: the last of one block, the first of the next
    log.add(1'021);
    log.add(1, "app", "10.0.0.2"); // 2048
    log.add(1);
    log.store.db().script("COMMIT");
    CHECK(log.number("SELECT count(*) FROM task_blocks") == 3);
    task_records::Filter filter;
    filter.agent = Ip::parse("10.0.0.2").value();
    CHECK(log.pages(filter, 5) == std::pair(Keys{2048, 1026, 1025, 1024, 1023, 1}, Sizes{5, 1}));
    CHECK(log.pages(filter, 2).first == Keys{2048, 1026, 1025, 1024, 1023, 1});
    filter.before_key = 1025;
    CHECK(log.pages(filter, 9) == std::pair(Keys{1024, 1023, 1}, Sizes{3}));
    filter.before_key = 1024;
    CHECK(log.pages(filter, 9).first == Keys{1023, 1});

    filter.before_key.reset();
    PageBounds bounds;
    bounds.agent_span = 1'000;
    auto const page = search_tasks(log.store.db(), filter, 9, nullptr, bounds);
    REQUIRE(page.rows.size() == 1);
    CHECK(page.rows[0].key == 2048);
    CHECK(page.next == 2050 - 1'000);
}

TEST_CASE("an agent's tasks are looked up by the index, block by block", "[tasklog]")
{
    Log log;
    auto plan = log.store.db().run(
        "EXPLAIN QUERY PLAN SELECT * FROM task_requests AS r WHERE r.block=? AND r.agent=? "
        "AND r.app=? AND r.key>=? AND r.key<? ORDER BY r.key DESC LIMIT ?");
    REQUIRE(plan.next());
    CHECK_THAT(std::string(plan.text(3)), Catch::Contains("task_requests_agent (block=? AND agent=?"));
    CHECK_FALSE(plan.next()); // nothing is sorted
}

TEST_CASE("tasks whose keys lie far apart are searched in pages of as many tasks", "[tasklog]")
{
    Log log;
    for (std::uint64_t const place : {5U, 1U, 3U, 2U, 4U}) { // written in another order than made
        log.last = place * 1'000'000'000'000;
        log.add(1, place == 1 ? "rare" : "app");
    }
    log.last = 9'000'000'000'000;
    log.add(25);
    CHECK(log.pages({}, 100).first.size() == 30);
    auto const [keys, sizes] = log.pages(of_app("rare"), 5);
    CHECK(keys == Keys{1'000'000'000'001});
    CHECK(sizes == Sizes{0, 0, 1});
}

TEST_CASE("a key that may see little looks no further at a time than one that may see all", "[tasklog]")
{
    Log log;
    log.add(1, "app", "10.0.0.2");
    log.add(30);
    auto const key = some_key(Role::viewer, {"10.0.0.2"});
    auto const [keys, sizes] = log.pages({}, 3, key.get());
    CHECK(keys == Keys{1});
    CHECK(sizes == Sizes{0, 0, 0, 1});
    task_records::Filter of_another;
    of_another.agent = Ip::parse("10.0.0.1").value();
    CHECK(log.pages(of_another, 3, key.get()).second == Sizes{0, 0, 0});
}

TEST_CASE("a place to go on from that no page gave finds what is there", "[tasklog]")
{
    Log log;
    log.add(3);
    auto const after = [&](std::int64_t key) {
        task_records::Filter filter;
        filter.before_key = key;
        return log.pages(filter, 5).first;
    };
    CHECK(after(std::numeric_limits<std::int64_t>::min()).empty());
    CHECK(after(0).empty());
    CHECK(after(std::numeric_limits<std::int64_t>::max()) == Keys{3, 2, 1});
}

TEST_CASE("a page of large tasks ends before it outgrows a frame, and the next goes on there", "[tasklog]")
{
    Log log;
    log.add_large(5, std::string(400 * 1024, 'x'));
    auto const [keys, sizes] = log.pages({}, 5);
    CHECK(keys == Keys{5, 4, 3, 2, 1});
    CHECK(sizes == Sizes{2, 2, 1});
}

TEST_CASE("a task that is larger than a page has one to itself", "[tasklog]")
{
    Log log;
    log.add_large(2, std::string(2 * mib, 'x'));
    log.add(2);
    log.add_large(1, std::string(2 * mib, 'x'));
    auto const [keys, sizes] = log.pages({}, 5);
    CHECK(keys == Keys{5, 4, 3, 2, 1});
    CHECK(sizes == Sizes{1, 2, 1, 1});
}

TEST_CASE("only what a key may see makes its page large", "[tasklog]")
{
    Log log;
    std::string const large(600 * 1024, 'x');
    log.add_large(1, large, "10.0.0.2");
    log.add_large(3, large);
    log.add_large(1, large, "10.0.0.2");
    log.add(1, "app", "10.0.0.2");
    auto const key = some_key(Role::viewer, {"10.0.0.2"});
    auto const [keys, sizes] = log.pages({}, 5, key.get());
    CHECK(keys == Keys{6, 5, 1});
    CHECK(sizes == Sizes{2, 1});
}

TEST_CASE("tasks by their ids are refused before more is held than a frame should carry", "[tasklog]")
{
    Log log;
    log.add_large(70, std::string(mib, 'x'));
    CHECK(refusal_of(log, ids_up_to(60)).empty());
    CHECK(refusal_of(log, ids_up_to(70)) == too_large);
    CHECK(refusal_of(log, std::vector(70, TaskId(1))) == too_large);
    // What a key may not see is not held.
    auto const key = some_key(Role::viewer, {"10.0.0.2"});
    CHECK(refusal_of(log, ids_up_to(70), key.get()).empty());
}

TEST_CASE("a task that is asked for twice is read once", "[tasklog]")
{
    Log log;
    log.add(1);
    auto const tasks = find_tasks(log.store.db(), {TaskId(1), TaskId(2), TaskId(1), TaskId(2)}, nullptr);
    CHECK(tasks.size() == 2);
    CHECK(tasks.at(TaskId(1)).row);
    CHECK_FALSE(tasks.at(TaskId(2)).is_there);
    auto const key = some_key(Role::viewer, {"10.0.0.2"});
    auto const denied = find_tasks(log.store.db(), {TaskId(1)}, key.get());
    CHECK(denied.at(TaskId(1)).is_there);
    CHECK_FALSE(denied.at(TaskId(1)).row);
}

TEST_CASE("what a worker wrote to stderr, which no list shows, is not read for one", "[tasklog]")
{
    Log log;
    auto task = sent_task(1, log.clock.now());
    task.report = said(1, "fine");
    task.report->stderr_text = "warning";
    task_records::insert(log.store.db(), task);
    CHECK(task_records::find(log.store.db(), task.id)->task.report->stderr_text == "warning");
    auto const page = search_tasks(log.store.db(), {}, 5, nullptr, {look});
    REQUIRE(page.rows.size() == 1);
    CHECK(page.rows[0].task.report->result == "fine");
    CHECK(page.rows[0].task.report->stderr_text.empty());
    auto const by_id = find_tasks(log.store.db(), {task.id}, nullptr);
    CHECK(by_id.at(task.id).row->task.report->stderr_text.empty());
}
