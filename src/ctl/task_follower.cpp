#include "ctl/task_follower.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "ctl/printable.hpp"
#include "elves/json_fields.hpp"

namespace elves::ctl {

namespace {

/// In the line that stands where an agent left out a part of a stream.
constexpr std::string_view cut_line_mark = " bytes left out]";
/// The longest result that is compared with the end of the output.
constexpr std::size_t longest_result = std::size_t{64} * 1024 + 1;

void add_printed(HostResult& result, TaskOutput const& printed)
{
    result.info["output"] = printed.output;
    result.info["stderr"] = printed.errors;
    result.info["exit_code"] = printed.exit_code;
    result.info["truncated"] = printed.is_truncated ? "true" : "false";
    if (!printed.left_out.empty()) result.info["left_out"] = printed.left_out;
}

} // namespace

asio::awaitable<std::vector<json::object>> records_of(Session& session, std::vector<std::string> ids)
{
    json::array typed;
    for (auto const& id : ids) typed.emplace_back(id);
    json::object call{{"id", std::move(typed)}};
    auto const back = co_await session.ask("tasklog", "gettaskbyids", std::move(call), session.limit());
    if (!back.flag) throw Error(codes::no_task, back.error_info);
    std::vector<json::object> records;
    for (auto const& row : rows_of(back.fields)) {
        if (row.is_object() && !plain_field(row.get_object(), "status").empty())
            records.push_back(row.get_object());
    }
    if (records.size() == ids.size()) co_return records;
    for (auto const& id : ids) {
        bool const is_there = std::any_of(records.begin(), records.end(),
            [&id](json::object const& record) { return plain_field(record, "id") == id; });
        if (!is_there) throw Error(codes::no_task, Error(codes::no_task, "no such task: " + id).info());
    }
    co_return records;
}

asio::awaitable<HostResult> TaskFollower::run()
{
    for (;;) {
        // The record first: what is printed before its end is then in the output that follows.
        std::vector<std::string> ids{id_};
        auto const records = co_await records_of(with_.session, std::move(ids));
        while (co_await read_page()) {
        }
        if (is_final(records.front())) {
            auto result = result_of_record(agent_, records.front());
            finish(result);
            // The result of a worker that says none is the end of its output, which was shown.
            if (result.end == HostEnd::done && !with_.out.is_json() && last_.ends_with(result.text))
                result.text.clear();
            add_printed(result, printed_);
            co_return result;
        }
        co_await with_.session.pause(look_again);
    }
}

asio::awaitable<bool> TaskFollower::read_page()
{
    auto call = printed_.next_call(id_);
    auto const back =
        co_await with_.session.ask("tasklog", "gettaskoutput", std::move(call), with_.session.limit());
    if (!back.flag) co_return false;
    bool const has_more = printed_.take(back.fields);
    if (has_more) show_printed();
    co_return has_more;
}

void TaskFollower::show_printed()
{
    if (with_.out.is_json()) return;
    if (progress_) progress_->clear();
    auto const errors = errors_.put(std::exchange(printed_.errors, {}));
    auto const output = std::exchange(printed_.output, {});
    with_.out.raw(output_.put(output));
    std::fflush(stdout);
    std::fwrite(errors.data(), 1, errors.size(), stderr);
    auto const scanned = last_.size() - std::min(last_.size(), cut_line_mark.size());
    last_ += output;
    has_cut_line_ = has_cut_line_ || errors.find(cut_line_mark) != std::string::npos ||
                    last_.find(cut_line_mark, scanned) != std::string::npos;
    if (last_.size() > 2 * longest_result) last_.erase(0, last_.size() - longest_result);
}

void TaskFollower::finish(HostResult const& result)
{
    while (last_.ends_with('\n')) last_.pop_back();
    if (with_.out.is_json()) return;
    with_.out.raw(output_.finish());
    std::fflush(stdout);
    auto const errors = errors_.finish();
    std::fwrite(errors.data(), 1, errors.size(), stderr);
    auto const agent = result.agent.text();
    if (!printed_.left_out.empty()) {
        with_.out.note(agent + ": the server did not keep " + printed_.left_out +
                       " bytes of the output: [tasklog] max_output, or the key's bytes_per_day");
    } else if (printed_.is_truncated && has_cut_line_) {
        with_.out.note(agent + ": the output is not complete; \"[N bytes left out]\" says where it was cut "
                               "([agent] and [tasklog] max_output)");
    } else if (printed_.is_truncated && result.end != HostEnd::done) {
        with_.out.note(agent + ": the end of the output may be missing");
    }
}

asio::awaitable<HostResult> with_printed(Session& session, HostResult result)
{
    try {
        TaskOutput printed;
        for (bool has_more = true; has_more;) {
            auto call = printed.next_call(result.id);
            auto const back =
                co_await session.ask("tasklog", "gettaskoutput", std::move(call), session.limit());
            has_more = back.flag && printed.take(back.fields);
        }
        add_printed(result, printed);
    } catch (Error const&) {
        // The result is what was asked for, and it is here.
    }
    co_return result;
}

} // namespace elves::ctl
