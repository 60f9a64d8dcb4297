#include "agent_crons.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "cron_entry.hpp"
#include "elves/log.hpp"
#include "file_right.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::chrono::milliseconds retry_after = 30s;

} // namespace

AgentCrons::AgentCrons(CronJobs const& jobs, Presence& presence, Dispatcher const& dispatcher, Clock& clock,
    Zone zone, LoopExecutor loop)
    : jobs_(jobs)
    , presence_(presence)
    , dispatcher_(dispatcher)
    , clock_(clock)
    , zone_(zone)
    , loop_(std::move(loop))
{
}

void AgentCrons::start()
{
    running_ = true;
    presence_.on_link([this](Ip const& agent) { changed(agent); });
}

void AgentCrons::stop()
{
    running_ = false;
    pushes_.clear();
}

void AgentCrons::changed(Ip const& agent)
{
    if (!running_ || !presence_.link(agent)) return;
    auto const [push, is_new] = pushes_.try_emplace(agent);
    if (push->second.sending) {
        push->second.again = true;
        return;
    }
    if (!is_new && !push->second.retry.running()) return; // Its sending is posted already.
    push->second.retry.stop();
    begin(agent);
}

void AgentCrons::begin(Ip const& agent)
{
    asio::post(loop_, [this, agent] {
        auto const push = pushes_.find(agent);
        if (!running_ || push == pushes_.end() || push->second.sending) return;
        push->second.sending = true;
        push->second.again = false;
        asio::co_spawn(loop_, send(agent), [this, agent](std::exception_ptr escaped, std::string failure) {
            if (!escaped) ended(agent, failure);
        });
    });
}

asio::awaitable<std::string> AgentCrons::send(Ip agent)
{
    auto const link = presence_.link(agent);
    if (!link) co_return "it is offline";
    try {
        auto const list = list_of(agent);
        auto const back = co_await link->call("agent", "setcrons", list, answer_limit);
        co_return back.flag ? std::string() : "it refused: " + back.error_info;
    } catch (std::exception const& error) {
        co_return error.what();
    }
}

void AgentCrons::ended(Ip const& agent, std::string const& failure)
{
    auto const found = pushes_.find(agent);
    if (!running_ || found == pushes_.end()) return;
    auto& push = found->second;
    push.sending = false;
    if (!failure.empty()) {
        ELVES_LOG(warning, "agent " << agent.text() << " did not take its cron jobs: " << failure);
    }
    bool const linked = presence_.link(agent) != nullptr;
    if (linked && push.again) {
        begin(agent);
    } else if (linked && !failure.empty()) {
        push.retry = clock_.after(retry_after, [this, agent] { changed(agent); });
    } else {
        pushes_.erase(found); // It has them; or its next link begins anew.
    }
}

json::object AgentCrons::list_of(Ip const& agent) const
{
    json::array list;
    for (auto const id : jobs_.of_agent(agent)) {
        auto const* job = jobs_.find(id);
        // A paused one is left out, so that no agent can forget to look at its `cron_flag`.
        if (!job || job->type != CronType::self || !job->on) continue;
        if (auto const why = missing_file_right(*job, keys_); !why.empty()) {
            ELVES_LOG(warning, "cron.job_withheld job=" << id.text() << " agent=" << agent.text()
                                                        << ": it is not sent to its agent: " << why);
            continue;
        }
        auto given = *job;
        if (given.ins.timeout == 0s) given.ins.timeout = dispatcher_.default_timeout();
        list.push_back(cron_entry(given, std::nullopt, clock_.now(), zone_));
    }
    return json::object{{"cron_list", std::move(list)}};
}

} // namespace elves
