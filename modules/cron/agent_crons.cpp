#include "agent_crons.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "cron_entry.hpp"
#include "elves/json_fields.hpp"
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

constexpr std::chrono::milliseconds told_limit = 1s;
/// Bytes of an agent's reason that are kept.
constexpr std::size_t longest_reason = 300;

std::string cut(std::string text)
{
    if (text.size() <= longest_reason) return text;
    auto end = longest_reason;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text.resize(end);
    return text;
}

} // namespace

AgentCrons::AgentCrons(CronJobs& jobs, Presence& presence, TaskEngine const& engine, Clock& clock, Zone zone,
    LoopExecutor loop, Quotas const* quotas)
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
    for (auto& [agent, push] : pushes_) {
        for (auto& waiter : push.waiters) waiter.set(false);
    }
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
        auto back = co_await link->call("agent", "setcrons", list, answer_limit);
        if (!back.flag) co_return "it refused: " + back.error_info;
        co_await note_answer(agent, std::move(back));
        co_return std::string();
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
    for (auto& waiter : std::exchange(push.waiters, {})) waiter.set(failure.empty() && !push.again);
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

/// Also notes for whom the answer will speak: jobs in the list, and jobs that are missing in it for the first
/// time.
asio::awaitable<json::object> AgentCrons::list_of(Ip agent)
{
    auto const executor = co_await asio::this_coro::executor;
    json::array list;
    CronJobs::Told told;
    told.at = clock_.now();
    std::size_t looked_at = 0;
    for (auto const id : jobs_.of_agent(agent)) {
        if (++looked_at % jobs_per_slice == 0) co_await asio::post(executor, asio::use_awaitable);
        auto const* job = jobs_.find(id);
        if (!job || job->agent != agent) continue;
        // A paused one is left out, so that no agent can forget to look at its `cron_flag`.
        bool const is_own = job->type == CronType::self && job->on;
        if (is_own || job->agent_knows == AgentKnows::outdated) told.jobs.emplace_back(id, job->version);
        if (!is_own) continue;
        if (auto why = missing_file_right(*job, keys_); !why.empty()) {
            ELVES_LOG(warning, "cron.job_withheld job=" << id.text() << " agent=" << agent.text()
                                                        << ": it is not sent to its agent: " << why);
            told.refused.emplace(id, cut(std::move(why)));
            continue;
        }
        list.push_back(entry_of(*job));
    }
    if (auto const push = pushes_.find(agent); push != pushes_.end()) push->second.told = std::move(told);
    co_return json::object{{"cron_list", std::move(list)}};
}

json::object AgentCrons::entry_of(CronJob const& job) const
{
    auto const ms = [](Instant at) { return std::to_string(at.time_since_epoch().count()); };
    auto entry = cron_entry(job, std::nullopt, std::nullopt, zone_);
    if (job.ins.timeout == 0s)
        entry.at("ins").as_object()["timeout"] = std::to_string(engine_.timeouts().default_timeout.count());
    if (job.start) entry["start_at"] = ms(*job.start);
    if (job.end) entry["end_at"] = ms(*job.end);
    // Its times count from then on, also those that pass before the agent has it.
    if (job.agent_knows == AgentKnows::outdated) entry["since"] = ms(job.settled);
    if (quotas_) {
        add_account(
            job.by, *quotas_, [&](std::string_view name, std::string_view value) { entry[name] = value; });
    }
    return entry;
}

/// `refused[]` has lines "cron job ID: why"; `removed[]` says up to when jobs that are gone were accounted
/// for.
asio::awaitable<void> AgentCrons::note_answer(Ip agent, Back back)
{
    auto const push = pushes_.find(agent);
    if (push == pushes_.end()) co_return;
    auto told = std::move(push->second.told);
    constexpr std::string_view before_id = "cron job ";
    constexpr std::size_t id_size = 16;
    if (auto const* const refused = back.fields.find("refused"); refused && refused->is_list()) {
        for (auto const& line : *refused) {
            auto const text = line.is_string() ? std::string(line.string()) : std::string();
            auto const id = text.starts_with(before_id)
                                ? TaskId::parse(std::string_view(text).substr(before_id.size(), id_size))
                                : std::nullopt;
            auto const colon = text.find(": ");
            if (!id || colon == std::string::npos) continue;
            auto const why = cut(text.substr(colon + 2));
            auto const* const job = jobs_.find(*id);
            if (job && job->refused != why)
                ELVES_LOG(warning, "cron.job_refused job=" << id->text() << " agent=" << agent.text()
                                                           << ": the agent does not run it: " << why);
            told.refused.insert_or_assign(*id, why);
        }
    }
    if (auto const* const removed = back.fields.find("removed"); removed && removed->is_list()) {
        for (auto const& one : *removed) {
            auto const* const id = one.is_object() ? one.find("cron_id") : nullptr;
            auto const* const until = one.is_object() ? one.find("accounted") : nullptr;
            auto const job = id && id->is_string() ? TaskId::parse(id->string()) : std::nullopt;
            auto const at = until ? whole_number(*until) : std::nullopt;
            if (job && at) told.accounted.emplace(*job, Instant(std::chrono::milliseconds(*at)));
        }
    }
    auto const news = co_await jobs_.agent_was_told(std::move(told));
    if (!running_ || !on_news_) co_return;
    for (auto const id : news) on_news_(id);
}

asio::awaitable<bool> AgentCrons::is_told(Ip agent)
{
    if (!running_ || !presence_.link(agent)) co_return false;
    auto const push = pushes_.find(agent);
    if (push == pushes_.end()) co_return true;
    if (push->second.pause.running() || push->second.retry.running()) co_return false;
    OneShot<bool> answer;
    push->second.waiters.push_back(answer);
    auto const told = co_await answer.wait(clock_, told_limit);
    co_return told.value_or(false);
}

} // namespace elves
