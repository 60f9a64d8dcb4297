#include "agent/reports.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "agent/report_fields.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_in_flight = 16;
constexpr std::chrono::milliseconds answer_limit = 30s;
constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;
/// What is unconfirmed for one to two of these is sent again: it went in a `back`, and got lost on the way.
constexpr std::chrono::milliseconds repeat_after = 20s;
/// With the pauses between them, these tries are spread over half a minute.
constexpr int unknown_tries = 6;

bool has_code(Back const& back, Code code)
{
    return back.error_info.starts_with("[" + std::string(code.text) + "]");
}

} // namespace

Reports::Reports(LoopExecutor loop, Clock& clock, Tasks& tasks, Zone const& zone, ServerBounds& bounds)
    : loop_(std::move(loop)), clock_(clock), tasks_(tasks), zone_(zone), bounds_(bounds)
{
}

void Reports::link_up(std::shared_ptr<Peer> server)
{
    link_down();
    server_ = std::move(server);
    for (auto const& [id, number] : tasks_.unconfirmed()) {
        sending_.try_emplace(id);
        queue_.push_back(id);
    }
    if (!queue_.empty()) ELVES_LOG(info, queue_.size() << " results wait for the server");
    send_next();
    for (auto const id : tasks_.running_firings()) runs_.push_back(id);
    send_next_run();
    old_.clear();
    look_for_old();
}

void Reports::link_down()
{
    server_.reset();
    sending_.clear();
    queue_.clear();
    runs_.clear();
    looking_.stop();
}

/// The server may have heard a `back` and not have got it to its disk; it does not ask about a task that is
/// over.
void Reports::look_for_old()
{
    for (auto const& [id, number] : tasks_.unconfirmed()) {
        if (old_.contains(id)) add(id);
    }
    old_ = tasks_.unconfirmed();
    looking_ = clock_.after(repeat_after, [this] { look_for_old(); });
}

void Reports::add(TaskId id)
{
    if (!server_ || !sending_.try_emplace(id).second) return;
    queue_.push_back(id);
    send_next();
}

void Reports::tell_queued(TaskId id, bool is_queued) const
{
    if (!server_) return;
    server_->cast(
        "tasklog", "queued", json::object{{"id", id.text()}, {"queued", is_queued ? "true" : "false"}});
}

void Reports::add_run(TaskId id)
{
    if (!server_) return;
    runs_.push_back(id);
    send_next_run();
}

void Reports::send_next_run()
{
    while (server_ && runs_in_flight_ < max_in_flight && !runs_.empty()) {
        auto const id = runs_.front();
        runs_.pop_front();
        ++runs_in_flight_;
        asio::co_spawn(loop_, send_run(id, server_), [this](std::exception_ptr) {
            --runs_in_flight_;
            send_next_run();
        });
    }
}

/// It is not repeated: the result, which is, tells all that this does.
asio::awaitable<void> Reports::send_run(TaskId id, std::shared_ptr<Peer> server)
{
    try {
        auto const entry = co_await tasks_.look(id);
        if (!entry || !entry->firing || entry->stage == Stage::done) co_return;
        auto fields = report_fields(*entry, zone_, bounds_.max_frame());
        auto const back = co_await server->call("tasklog", "agentasynclog", fields, answer_limit);
        if (!back.flag)
            ELVES_LOG(warning, "report.start_refused task=" << id.text() << ": " << back.error_info);
    } catch (std::exception const& problem) {
        ELVES_LOG(debug, "that task " << id.text() << " runs was not told: " << problem.what());
    }
}

void Reports::send_next()
{
    while (server_ && in_flight_ < max_in_flight && !queue_.empty()) {
        auto const id = queue_.front();
        queue_.pop_front();
        ++in_flight_;
        asio::co_spawn(
            loop_, send(id, server_), [this, id, server = server_](std::exception_ptr escaped, bool is_over) {
                sent(id, server, !escaped && is_over);
            });
    }
}

asio::awaitable<bool> Reports::send(TaskId id, std::shared_ptr<Peer> server)
{
    try {
        auto const found = tasks_.unconfirmed().find(id);
        if (found == tasks_.unconfirmed().end()) co_return true;
        auto const number = found->second;
        auto const entry = co_await tasks_.look(id);
        if (!entry || !entry->report) co_return false;
        // Handed over once more meanwhile: that it did not start is no longer true.
        if (!tasks_.unconfirmed().contains(id)) co_return true;
        auto fields = report_fields(*entry, zone_, bounds_.max_frame());
        auto const back = co_await server->call("tasklog", "agentasynclog", fields, answer_limit);
        bool const is_over = back.flag || is_final(id, back);
        if (is_over) tasks_.confirm_result(id, number);
        co_return is_over;
    } catch (std::exception const& problem) {
        ELVES_LOG(debug, "the result of task " << id.text() << " was not confirmed: " << problem.what());
        bounds_.link_failed(problem.what());
        co_return false;
    }
}

bool Reports::is_final(TaskId id, Back const& back)
{
    auto const found = sending_.find(id);
    int const tries = found == sending_.end() ? 0 : ++found->second.refused;
    ELVES_LOG(warning, "the server refused the result of task " << id.text() << ", try " << tries << ": "
                                                                << back.error_info);
    // A field that the server does not take now it will not take later, such as the time of a firing from
    // before this machine's clock was set.
    bool const is_hopeless = has_code(back, codes::no_task) || has_code(back, codes::bad_field);
    if (!is_hopeless || tries < unknown_tries) return false;
    ELVES_LOG(error, "report.dropped task=" << id.text() << " tries=" << tries << ": " << back.error_info);
    return true;
}

void Reports::sent(TaskId id, std::shared_ptr<Peer> const& server, bool is_over)
{
    --in_flight_;
    if (is_over) {
        if (server == server_) sending_.erase(id);
        // It was handed over once more meanwhile, and has ended again.
        if (tasks_.unconfirmed().contains(id)) add(id);
    } else if (server == server_ && server->is_open()) {
        if (auto const found = sending_.find(id); found != sending_.end()) {
            auto& sending = found->second;
            sending.wait = std::clamp(sending.wait * 2, first_pause, longest_pause);
            sending.timer = clock_.after(sending.wait, [this, id] {
                queue_.push_back(id);
                send_next();
            });
        }
    }
    send_next();
}

} // namespace elves::agent
