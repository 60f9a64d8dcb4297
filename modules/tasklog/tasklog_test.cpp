#include "tasklog/tasklog.hpp"

#include "catch.hpp"
#include "support/fake_presence.hpp"
#include "support/module_driver.hpp"
#include "support/some_key.hpp"
#include "support/task_house.hpp"

using namespace elves;

namespace {

/// No app has a processor.
class NoProcessors final : public AppDirectory, public Dialer {
public:
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view) const override { return std::nullopt; }
    [[nodiscard]] asio::awaitable<Back> call(std::string, std::uint16_t, std::string, std::string,
        json::object, std::chrono::milliseconds) override
    {
        throw std::logic_error("nobody is called");
    }
};

/// Its tasks have the ids 1, 2, 3, …
struct House : TaskHouse {
    void add(int count, std::size_t param_bytes)
    {
        for (; count > 0; --count) {
            auto task = sent_task(++last, clock.now());
            task.ins.param = std::string(param_bytes, 'x');
            task_records::insert(store.db(), task);
        }
    }
    static json::object ids(std::uint64_t first, std::uint64_t last)
    {
        json::array all;
        for (auto id = first; id <= last; ++id) all.emplace_back(TaskId(id).text());
        return {{"id", std::move(all)}};
    }
    json::array info(json::object const& fields)
    {
        return driver.call("gettaskbyids", fields).at("info").as_array();
    }

    std::uint64_t last = 0;
    FakePresence presence;
    NoProcessors none;
    Tasklog tasklog{loop.get_executor(), store, clock, Zone(), presence, none, none};
    ModuleDriver driver{tasklog, loop};
};

constexpr std::size_t mib = 1024 * 1024;

} // namespace

TEST_CASE("tasks by their ids come in the order of the ids, as often as each is asked for", "[tasklog]")
{
    House house;
    house.add(2, 1);
    std::string const one = TaskId(1).text(), two = TaskId(2).text(), none = TaskId(9).text();
    auto const reply = house.driver.call("gettaskbyids", {{"id", {two, none, one, two}}});
    auto const& info = reply.at("info").as_array();
    REQUIRE(info.size() == 3);
    CHECK(info[0].at("id") == json::value(two));
    CHECK(info[1].at("id") == json::value(one));
    CHECK(info[2] == info[0]);
    CHECK(reply.at("missing") == json::array{none});
    CHECK_FALSE(reply.contains("denied"));
}

TEST_CASE("more tasks by their ids than a frame should carry are refused, not held", "[tasklog]")
{
    House house;
    house.add(70, mib);
    CHECK(house.info(House::ids(1, 3)).size() == 3);
    CHECK(house.driver.refusal("gettaskbyids", House::ids(1, 70)) ==
          "[429.1] the answer is over 67108864 bytes; ask for fewer at a time");
    // Of those that a key may not see it is told so all the same.
    Caller const far{nullptr, some_key(Role::viewer, {"10.0.0.2"})};
    CHECK(house.driver.refusal("gettaskbyids", House::ids(1, 70), far).starts_with("[401.6]"));
}

TEST_CASE("a list of large tasks says where it goes on", "[tasklog]")
{
    House house;
    house.add(4, 400 * 1024);
    auto const first = house.driver.call("listtasks", {{"limit", 4}});
    CHECK(first.at("info").as_array().size() == 2);
    auto const second = house.driver.call("listtasks", {{"limit", 4}, {"after", first.at("next")}});
    CHECK(second.at("info").as_array().size() == 2);
    CHECK_FALSE(second.contains("next"));
}
