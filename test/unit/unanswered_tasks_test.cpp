#include "ctl/unanswered_tasks.hpp"

#include "catch.hpp"

using namespace elves;
using namespace elves::ctl;

namespace {

Ip agent(std::string const& text) { return Ip::parse(text).value(); }

json::object task(
    std::string const& id, std::string const& ip, std::string const& status, std::string const& param = "p")
{
    return {{"id", id}, {"agentip", ip}, {"type", "rt"}, {"status", status}, {"by", "KEY"}, {"param", param}};
}

json::object page(json::array rows, std::string const& next = "")
{
    json::object reply{{"info", std::move(rows)}};
    if (!next.empty()) reply["next"] = next;
    return reply;
}

UnansweredTasks expecting(std::initializer_list<char const*> ips)
{
    UnansweredTasks tasks({{"app", "a"}, {"func", "f"}, {"param", "p"}}, false, "KEY");
    for (auto const* const ip : ips) tasks.expect(agent(ip));
    return tasks;
}

} // namespace

TEST_CASE("an unfinished task that was sent alike is the one that was not answered", "[unanswered_tasks]")
{
    auto tasks = expecting({"10.0.0.1", "10.0.0.2"});
    CHECK_FALSE(tasks.take(page({task("1", "10.0.0.1", "sent"), task("2", "10.0.0.2", "running")}, "7")));
    CHECK_FALSE(tasks.is_missing_any());
    CHECK(tasks.of(agent("10.0.0.1")) == std::vector<std::string>{"1"});
    CHECK(tasks.of(agent("10.0.0.2")) == std::vector<std::string>{"2"});
    CHECK(tasks.of(agent("10.0.0.3")).empty());
}

TEST_CASE("tasks that have ended, or differ, or are another key's are passed over", "[unanswered_tasks]")
{
    auto tasks = expecting({"10.0.0.1"});
    auto other_key = task("3", "10.0.0.1", "running");
    other_key["by"] = "OTHER";
    auto other_type = task("4", "10.0.0.1", "running");
    other_type["type"] = "async";
    tasks.take(page({task("1", "10.0.0.1", "done"), task("2", "10.0.0.1", "running", "q"), other_key,
        other_type, task("5", "10.0.0.9", "running")}));
    CHECK(tasks.is_missing_any());
}

TEST_CASE("pages are read until each agent's task is found", "[unanswered_tasks]")
{
    auto tasks = expecting({"10.0.0.1", "10.0.0.2"});
    CHECK_FALSE(tasks.next_call().contains("after"));
    CHECK(tasks.take(page({task("1", "10.0.0.1", "sent")}, "7")));
    CHECK(tasks.next_call().at("after") == "7");
    CHECK_FALSE(tasks.take(page({task("2", "10.0.0.2", "sent")}, "8")));
    CHECK_FALSE(tasks.next_call().contains("after"));
}

TEST_CASE("a second look begins anew, and pages without an end are not read for ever", "[unanswered_tasks]")
{
    auto tasks = expecting({"10.0.0.1"});
    int pages = 1;
    while (tasks.take(page({}, std::to_string(pages)))) ++pages;
    CHECK(pages == 20);
    tasks.take(page({task("1", "10.0.0.1", "sent")}));
    tasks.take(page({task("1", "10.0.0.1", "sent")}));
    CHECK(tasks.of(agent("10.0.0.1")).size() == 1);
}
