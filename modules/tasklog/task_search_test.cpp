#include "tasklog/task_search.hpp"

#include <limits>

#include "catch.hpp"
#include "support/some_key.hpp"
#include "support/task_house.hpp"

using namespace elves;

namespace {

constexpr std::int64_t look = 10; ///< Tasks that one page looks at.

/// Its tasks have the ids and seqs 1, 2, 3, …
struct Log : TaskHouse {
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
    /// The seqs of all that `filter` finds, page by page; the sizes of those pages.
    std::pair<std::vector<std::int64_t>, std::vector<std::size_t>> pages(
        task_records::Filter filter, std::int64_t limit, Key const* key = nullptr)
    {
        std::pair<std::vector<std::int64_t>, std::vector<std::size_t>> all;
        while (true) {
            auto const page = search_tasks(store.db(), filter, limit, key, look);
            for (auto const& row : page.rows) all.first.push_back(row.seq);
            all.second.push_back(page.rows.size());
            if (!page.next) return all;
            filter.before_seq = page.next;
        }
    }
};

task_records::Filter of_app(std::string app)
{
    task_records::Filter filter;
    filter.app = std::move(app);
    return filter;
}

using Seqs = std::vector<std::int64_t>;
using Sizes = std::vector<std::size_t>;

} // namespace

TEST_CASE("pages miss no task and show none twice", "[tasklog]")
{
    Log log;
    CHECK(log.pages({}, 3).second == Sizes{0});
    log.add(7);
    auto const [seqs, sizes] = log.pages({}, 3);
    CHECK(seqs == Seqs{7, 6, 5, 4, 3, 2, 1});
    CHECK(sizes == Sizes{3, 3, 1});
}

TEST_CASE("a search for what is rare ends after so many tasks, and says where to go on", "[tasklog]")
{
    Log log;
    log.add(1, "rare");
    log.add(30);
    auto const [seqs, sizes] = log.pages(of_app("rare"), 5);
    CHECK(seqs == Seqs{1});
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
    auto const [seqs, sizes] = log.pages(filter, 5);
    CHECK(seqs == Seqs{32, 1});
    CHECK(sizes == Sizes{2});
}

TEST_CASE("a key that may see little looks no further at a time than one that may see all", "[tasklog]")
{
    Log log;
    log.add(1, "app", "10.0.0.2");
    log.add(30);
    auto const key = some_key(Role::viewer, {"10.0.0.2"});
    auto const [seqs, sizes] = log.pages({}, 3, key.get());
    CHECK(seqs == Seqs{1});
    CHECK(sizes == Sizes{0, 0, 0, 1});
    task_records::Filter of_another;
    of_another.agent = Ip::parse("10.0.0.1").value();
    CHECK(log.pages(of_another, 3, key.get()).second == Sizes{0, 0, 0});
}

TEST_CASE("a place to go on from that no page gave finds what is there", "[tasklog]")
{
    Log log;
    log.add(3);
    auto const after = [&](std::int64_t seq) {
        task_records::Filter filter;
        filter.before_seq = seq;
        return log.pages(filter, 5).first;
    };
    CHECK(after(std::numeric_limits<std::int64_t>::min()).empty());
    CHECK(after(0).empty());
    CHECK(after(std::numeric_limits<std::int64_t>::max()) == Seqs{3, 2, 1});
}
