#include "agent_crons.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "cron_entry.hpp"
#include "elves/log.hpp"
#include "elves/services/account_fields.hpp"
#include "file_right.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::chrono::milliseconds retry_after = 30s;
/// A list costs some microseconds a job to build and send: with this pause, some percent of the loop at most.
constexpr std::size_t jobs_per_ms_of_pause = 4;
/// Built without giving others their turn.
constexpr std::size_t jobs_per_slice = 256;

} // namespace

AgentCrons::AgentCrons(CronJobs const& jobs, Presence& presence, TaskEngine const& engine, Clock& clock,
    Zone zone, LoopExecutor loop, Quotas const* quotas)
    : jobs_(jobs)
    , presence_(presence)
    , engine_(engine)
    , clock_(clock)
    , zone_(zone)
    , loop_(std::move(loop))
    , quotas_(quotas)
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
    if (push->second.sending || push->second.pause.running()) {
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
        auto const list = co_await list_of(agent);
        if (auto const push = pushes_.find(agent); push != pushes_.end())
            push->second.listed = list.at("cron_list").as_array().size();
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
    std::chrono::milliseconds const pause(push.listed / jobs_per_ms_of_pause);
    bool const has_failed = !failure.empty();
    if (pause.count() == 0) return go_on(agent, has_failed);
    push.pause = clock_.after(pause, [this, agent, has_failed] { go_on(agent, has_failed); });
}

void AgentCrons::go_on(Ip agent, bool has_failed)
{
    auto const found = pushes_.find(agent);
    if (!running_ || found == pushes_.end()) return;
    auto& push = found->second;
    push.pause.stop();
    bool const linked = presence_.link(agent) != nullptr;
    if (linked && push.again) {
        begin(agent);
    } else if (linked && has_failed) {
        push.retry = clock_.after(retry_after, [this, agent] { changed(agent); });
    } else {
        pushes_.erase(found); // It has them; or its next link begins anew.
    }
}

asio::awaitable<json::object> AgentCrons::list_of(Ip agent) const
{
    auto const executor = co_await asio::this_coro::executor;
    auto const default_timeout = std::to_string(engine_.timeouts().default_timeout.count());
    json::array list;
    std::size_t looked_at = 0;
    for (auto const id : jobs_.of_agent(agent)) {
        if (++looked_at % jobs_per_slice == 0) co_await asio::post(executor, asio::use_awaitable);
        auto const* job = jobs_.find(id);
        // A paused one is left out, so that no agent can forget to look at its `cron_flag`.
        if (!job || job->agent != agent || job->type != CronType::self || !job->on) continue;
        if (auto const why = missing_file_right(*job, keys_); !why.empty()) {
            ELVES_LOG(warning, "cron.job_withheld job=" << id.text() << " agent=" << agent.text()
                                                        << ": it is not sent to its agent: " << why);
            continue;
        }
        auto entry = cron_entry(*job, std::nullopt, clock_.now(), zone_);
        if (job->ins.timeout == 0s) entry.at("ins").as_object()["timeout"] = default_timeout;
        if (quotas_) add_account(entry, job->by, *quotas_);
        list.push_back(std::move(entry));
    }
    co_return json::object{{"cron_list", std::move(list)}};
}

} // namespace elves
