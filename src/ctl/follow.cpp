#include <algorithm>
#include <cctype>
#include <cstdio>
#include <set>

#include "ctl/command.hpp"
#include "ctl/printable.hpp"
#include "ctl/task_follower.hpp"

namespace elves::ctl {

namespace {

/// Tasks that one `follow` or `wait` may name: what one gettaskbyids takes.
constexpr std::size_t max_tasks = 1000;

/// Each once, in upper case, as records name them.
std::vector<std::string> ids_of(Args const& args)
{
    std::vector<std::string> ids;
    std::set<std::string> seen;
    for (auto id : args.all("ID")) {
        for (auto& c : id) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        if (seen.insert(id).second) ids.push_back(id);
    }
    if (ids.size() > max_tasks)
        throw Usage("too many ids: expected at most " + std::to_string(max_tasks) + " at a time");
    return ids;
}

HostResult result_of(json::object const& record)
{
    auto const agent = Ip::parse(plain_field(record, "agentip"));
    if (!agent) throw Error(codes::bad_ip, "the server's record of a task names no agent");
    return result_of_record(*agent, record);
}

/// Waits for tasks, and shows each when it has ended.
class TaskWait {
public:
    TaskWait(Context const& with, bool follows) : with_(with), ids_(ids_of(with.args)), follows_(follows) {}
    [[nodiscard]] Exit run();

private:
    asio::awaitable<void> start();
    asio::awaitable<void> wait_for_all();
    asio::awaitable<void> follow(std::size_t index);
    void show(HostResult const& result);
    [[nodiscard]] Exit report() const;

    Context const& with_;
    std::vector<std::string> ids_;
    bool follows_;
    std::vector<json::object> records_; ///< As `ids_`, as they were at the start.
    std::vector<HostResult> results_;   ///< Of those that have ended.
};

Exit TaskWait::run()
{
    with_.session.connect();
    try {
        // An unknown id is told before anything is waited for.
        Session::Each const begin = [this](std::size_t) { return start(); };
        with_.session.each(1, 1, begin);
        if (follows_) {
            Session::Each const each = [this](std::size_t index) { return follow(index); };
            with_.session.each(ids_.size(), ids_.size(), each);
        } else {
            Session::Each const all = [this](std::size_t) { return wait_for_all(); };
            with_.session.each(1, 1, all);
        }
    } catch (Error const&) {
        if (!with_.session.interrupted()) throw;
    }
    return report();
}

asio::awaitable<void> TaskWait::start()
{
    records_ = co_await records_of(with_.session, ids_);
    for (auto const& record : records_) static_cast<void>(result_of(record)); // each names an agent
}

asio::awaitable<void> TaskWait::wait_for_all()
{
    auto open = ids_;
    auto records = records_;
    while (!open.empty()) {
        for (auto const& record : records) {
            if (!is_final(record)) continue;
            std::erase(open, plain_field(record, "id"));
            auto result = result_of(record);
            show(co_await with_printed(with_.session, std::move(result)));
        }
        if (open.empty()) break;
        co_await with_.session.pause(look_again);
        records = co_await records_of(with_.session, open);
    }
}

asio::awaitable<void> TaskWait::follow(std::size_t index)
{
    auto const agent = result_of(records_.at(index)).agent;
    auto const& id = ids_.at(index);
    TaskFollower follower(with_, agent, id, ids_.size() > 1 ? id + "| " : std::string(), nullptr);
    show(co_await follower.run());
}

void TaskWait::show(HostResult const& result)
{
    with_.out.raw(result_text(result, true, !follows_, with_.out.has_color()));
    std::fflush(stdout);
    results_.push_back(result);
}

Exit TaskWait::report() const
{
    with_.out.document(as_json(results_));
    if (with_.session.interrupted()) {
        with_.out.note("interrupted; the tasks go on");
        return Exit::interrupted;
    }
    bool const is_all_done = std::all_of(results_.begin(), results_.end(),
        [](HostResult const& result) { return result.end == HostEnd::done; });
    return is_all_done ? Exit::well : Exit::task_failed;
}

Exit wait(Context const& with) { return TaskWait(with, false).run(); }
Exit follow(Context const& with) { return TaskWait(with, true).run(); }

} // namespace

std::span<Command const> follow_commands()
{
    static std::vector<Command> const all{
        {"follow",
            "Show what tasks print as they print it, until they have ended. Ends with 0 if all are done, 1 "
            "if "
            "one is not, 3 for an unknown id.",
            {many("ID", "The tasks' ids.").of(Completes::open_task)}, follow},
        {"wait",
            "Wait until tasks have ended. Ends with 0 if all are done, 1 if one is not, 3 for an unknown id.",
            {many("ID", "The tasks' ids.").of(Completes::open_task)}, wait},
    };
    return all;
}

} // namespace elves::ctl
