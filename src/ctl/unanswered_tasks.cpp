#include "ctl/unanswered_tasks.hpp"

#include <algorithm>

#include "ctl/printable.hpp"
#include "ctl/session.hpp"

namespace elves::ctl {

namespace {

constexpr std::size_t page_rows = 1000;
constexpr std::size_t max_pages = 20;

bool is_open(std::string const& status)
{
    return status == "waiting" || status == "sent" || status == "running";
}

} // namespace

UnansweredTasks::UnansweredTasks(json::object const& ins, bool is_async, std::string by)
    : filter_{{"app", ins.at("app")}, {"func", ins.at("func")}, {"limit", page_rows}}
    , type_(is_async ? "async" : "rt")
    , param_(plain_field(ins, "param"))
    , by_(std::move(by))
{
    filter_["type"] = type_;
    if (!by_.empty()) filter_["by"] = by_;
}

void UnansweredTasks::expect(Ip const& agent) { found_[agent]; }

json::object UnansweredTasks::next_call() const
{
    auto call = filter_;
    if (found_.size() == 1) call["agentip"] = found_.begin()->first.text();
    if (!after_.empty()) call["after"] = after_;
    return call;
}

bool UnansweredTasks::take(json::object const& page)
{
    if (pages_ == 0) {
        for (auto& [agent, ids] : found_) ids.clear();
    }
    for (auto const& row : rows_of(page)) {
        if (!row.is_object() || !fits(row.get_object())) continue;
        auto const agent = Ip::parse(plain_field(row.get_object(), "agentip"));
        auto const expected = agent ? found_.find(*agent) : found_.end();
        if (expected != found_.end()) expected->second.push_back(plain_field(row.get_object(), "id"));
    }
    after_ = plain_field(page, "next");
    if (++pages_ < max_pages && !after_.empty() && is_missing_any()) return true;
    pages_ = 0;
    after_.clear();
    return false;
}

bool UnansweredTasks::fits(json::object const& record) const
{
    if (!is_open(plain_field(record, "status")) || plain_field(record, "type") != type_) return false;
    if (plain_field(record, "by") != by_) return false;
    return plain_field(record, "param") == param_ || plain_field(record, "truncated") == "true";
}

bool UnansweredTasks::is_missing_any() const
{
    return std::any_of(
        found_.begin(), found_.end(), [](auto const& expected) { return expected.second.empty(); });
}

std::vector<std::string> const& UnansweredTasks::of(Ip const& agent) const
{
    static std::vector<std::string> const none;
    auto const found = found_.find(agent);
    return found == found_.end() ? none : found->second;
}

} // namespace elves::ctl
