#include "cron.hpp"

#include <algorithm>
#include <exception>

#include "cron_entry.hpp"
#include "elves/answer_budget.hpp"

namespace elves {

namespace {

/// One agent's own jobs travel in one frame (`server.max_frame` is 4 MiB), with its envelope.
constexpr std::size_t own_list_limit = 7 * 512 * 1024;

} // namespace

Cron::Cron(CronJobs& jobs, Presence& presence, TaskEngine& engine, Clock& clock, Zone zone, LoopExecutor loop,
    Quotas const* quotas)
    : jobs_(jobs)
    , presence_(presence)
    , engine_(engine)
    , clock_(clock)
    , zone_(zone)
    , quotas_(quotas)
    , center_(jobs, engine, clock, zone, loop)
    , agents_(jobs, presence, engine, clock, zone, loop, quotas)
{
}

void Cron::set_authority(Authority const* keys)
{
    center_.set_authority(keys);
    agents_.set_authority(keys);
}

void Cron::configure(Section const& section)
{
    auto const misfire = section.choice("misfire", "skip", {"skip", "once"});
    auto const overlap = section.choice("overlap", "skip", {"skip", "allow", "replace"});
    misfire_ = FieldType<Misfire>::read("misfire", JsonDocument::string(misfire).root());
    overlap_ = FieldType<Overlap>::read("overlap", JsonDocument::string(overlap).root());
}

void Cron::declare(MethodTable& table)
{
    table
        .call<ByAgent>("getcronlistbyip", Right::read, {required("agentip", &ByAgent::agentip)},
            "One agent's cron jobs.",
            [this](ByAgent in, Caller caller) { return list(std::move(in), std::move(caller)); })
        .cut_by_app();
    table
        .call<ByKey>("getcronlistbykey", Right::read,
            {required("by", &ByKey::by), optional("after", &ByKey::after), optional("limit", &ByKey::limit)},
            "List the cron jobs that a key set, in pages; of a deleted key, too.",
            [this](ByKey in, Caller const& caller) { return list_of_key(in, caller); })
        .cut_by_ip()
        .cut_by_app();
    table.call<Set>("setcronbyip", Right::operate,
        {required("agentip", &Set::agentip), optional("cron_type", &Set::cron_type),
            required("rule", &Set::rule), required("ins", &Set::ins), optional("id", &Set::id),
            optional("timezone", &Set::timezone), optional("misfire", &Set::misfire),
            optional("overlap", &Set::overlap), optional("jitter", &Set::jitter)},
        "Adds a cron job, or replaces the one with that id.",
        [this](Set in, Caller caller) { return set(std::move(in), std::move(caller)); });
    table.call<One>("delcronbyipid", Right::operate,
        {required("agentip", &One::agentip), required("id", &One::id)}, "Deletes a cron job.",
        [this](One in, Caller caller) { return erase(std::move(in), std::move(caller)); });
    table.call<One>("startcron", Right::operate,
        {required("agentip", &One::agentip), required("id", &One::id)},
        "Lets a paused cron job fire again, from now on.",
        [this](One in, Caller caller) { return set_on(std::move(in), std::move(caller), true); });
    table.call<One>("stopcron", Right::operate,
        {required("agentip", &One::agentip), required("id", &One::id)},
        "Pauses a cron job: it stays, and does not fire.",
        [this](One in, Caller caller) { return set_on(std::move(in), std::move(caller), false); });
}

void Cron::start()
{
    jobs_.load();
    presence_.crons_from([this](Ip const& agent, Caller const& caller) {
        auto ids = jobs_.of_agent(agent);
        std::erase_if(ids, [&](TaskId id) { return !caller.may_run(jobs_.find(id)->ins); });
        return ids;
    });
    engine_.cron_jobs_from([this](TaskId id) -> std::optional<TaskEngine::CronJobOf> {
        auto const* const job = jobs_.find(id);
        if (!job) return std::nullopt;
        return TaskEngine::CronJobOf{job->agent, job->ins, job->by};
    });
    agents_.start();
    center_.start();
}

void Cron::stop()
{
    center_.stop();
    agents_.stop();
}

asio::awaitable<Reply> Cron::list(ByAgent in, Caller caller)
{
    std::vector<CronJob> jobs;
    std::vector<TaskId> ids;
    AnswerBudget budget;
    for (auto const id : jobs_.of_agent(in.agentip)) {
        auto const* job = jobs_.find(id);
        if (!job || !caller.may_run(job->ins)) continue;
        budget.take(2 * job->ins.param.size()); // An entry has it twice.
        jobs.push_back(*job);
        ids.push_back(id);
    }
    std::vector<std::optional<TaskEngine::LastRun>> last_runs;
    if (!ids.empty()) last_runs = co_await engine_.last_runs(std::move(ids));
    last_runs.resize(jobs.size());
    json::array entries;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        entries.push_back(listed(jobs[i], last_runs[i]));
    }
    co_return Reply(json::object{{"cron_list", std::move(entries)}});
}

json::object Cron::listed(CronJob const& job, std::optional<TaskEngine::LastRun> const& last_run) const
{
    auto entry = cron_entry(job, last_run, clock_.now(), zone_);
    entry["by"] = job.by;
    bool const is_deleted = quotas_ && !quotas_->limits_of(job.by).is_known;
    entry["by_deleted"] = is_deleted ? "true" : "false";
    return entry;
}

Reply Cron::list_of_key(ByKey const& in, Caller const& caller) const
{
    constexpr std::int64_t longest_page = 1'000;
    constexpr std::size_t page_bytes = 1024 * 1024; // A page has to fit into a frame.
    if (in.limit < 1 || in.limit > longest_page) {
        throw Error(codes::bad_field, "`limit` is " + std::to_string(in.limit) + "; give 1 to 1000");
    }
    auto const& ids = jobs_.of_key(in.by);
    json::array entries;
    std::size_t bytes = 0;
    std::string last;
    for (auto at = in.after ? ids.upper_bound(*in.after) : ids.begin(); at != ids.end(); ++at) {
        auto const* const job = jobs_.find(*at);
        if (!job || !caller.may_see(job->agent, job->ins)) continue;
        if (entries.size() == static_cast<std::size_t>(in.limit) || bytes >= page_bytes) {
            return {{"cron_list", std::move(entries)}, {"next", last}};
        }
        bytes += entry_size(*job);
        entries.push_back(listed(*job, std::nullopt));
        last = job->id.text();
    }
    return Reply(json::object{{"cron_list", std::move(entries)}});
}

/// Agents that hold `self` jobs of that key get their lists again: without the right `files` those that name
/// a file are left out.
void Cron::on_key_changed(std::string_view key)
{
    std::set<Ip> agents;
    for (auto const id : jobs_.of_key(key)) {
        auto const* const job = jobs_.find(id);
        if (job && job->type == CronType::self && !job->ins.proxy.empty()) agents.insert(job->agent);
    }
    for (auto const& agent : agents) agents_.changed(agent);
}

asio::awaitable<std::size_t> Cron::end_all(std::string key)
{
    constexpr std::size_t at_once = 500; // in one write, and before the loop does something else
    auto const& of_key = jobs_.of_key(key);
    std::vector<TaskId> const ids(of_key.begin(), of_key.end());
    for (std::size_t first = 0; first < ids.size(); first += at_once) {
        auto const size = std::min(at_once, ids.size() - first);
        std::vector<TaskId> some(&ids[first], &ids[first] + size);
        co_await jobs_.pause_all(some);
        for (auto const id : some) {
            if (auto const* const job = jobs_.find(id)) changed(id, job->agent, job->type == CronType::self);
        }
    }
    co_return ids.size();
}

asio::awaitable<Reply> Cron::set(Set in, Caller caller)
{
    auto const id = in.id;
    auto const agent = in.agentip;
    auto job = made_of(std::move(in), caller);
    require_room(job);
    auto own = job.type == CronType::self;
    auto const new_id = job.id;
    auto also = caller.also(new_id.text());
    if (id) {
        own = own || job_of(agent, *id, caller).type == CronType::self;
        co_await jobs_.replace(std::move(job), std::move(also));
    } else {
        co_await jobs_.add(std::move(job), std::move(also));
    }
    changed(new_id, agent, own);
    co_return Reply(json::object{{"id", new_id.text()}});
}

asio::awaitable<Reply> Cron::erase(One in, Caller caller)
{
    auto const own = job_of(in.agentip, in.id, caller).type == CronType::self;
    auto also = caller.also();
    co_await jobs_.erase(in.id, std::move(also));
    changed(in.id, in.agentip, own);
    co_return Reply();
}

asio::awaitable<Reply> Cron::set_on(One in, Caller caller, bool on)
{
    auto const& job = job_of(in.agentip, in.id, caller);
    // Whoever starts a job has it run: what may not be asked for may not be started either.
    if (on) caller.require_run(job.ins);
    if (job.on == on) co_return Reply();
    auto const own = job.type == CronType::self;
    auto also = caller.also();
    co_await jobs_.set_on(in.id, on, clock_.now(), std::move(also));
    changed(in.id, in.agentip, own);
    co_return Reply();
}

CronJob const& Cron::job_of(Ip const& agent, TaskId id, Caller const& caller) const
{
    auto const* job = jobs_.find(id);
    if (!job || job->agent != agent) {
        throw Error(codes::no_cron,
            agent.text() + " has no cron job " + id.text() + "; getcronlistbyip shows those that it has");
    }
    caller.require_record("cron job " + id.text(), job->agent, job->ins);
    return *job;
}

CronJob Cron::made_of(Set in, Caller const& caller) const
{
    if (in.id) static_cast<void>(job_of(in.agentip, *in.id, caller));
    if (!in.ins.dedup.empty()) {
        throw Error(codes::bad_field,
            "`ins.dedup` is for sendasync: a cron job's runs are told apart by their times; leave it out");
    }
    engine_.require_processor(in.ins);
    auto const now = clock_.now();
    CronJob job(in.id ? *in.id : TaskId::random(), std::move(*in.rule));
    while (!in.id && jobs_.find(job.id)) job.id = TaskId::random();
    job.agent = in.agentip;
    job.type = in.cron_type;
    job.ins = std::move(in.ins);
    job.created = now;
    job.by = caller.by();
    job.zone = in.timezone;
    job.misfire = in.misfire.value_or(misfire_);
    job.overlap = in.overlap.value_or(overlap_);
    job.jitter = in.jitter;
    job.settled = now;
    return job;
}

void Cron::require_room(CronJob const& job) const
{
    if (job.type != CronType::self) return;
    auto const* const replaced = jobs_.find(job.id);
    bool const is_counted = replaced && replaced->type == CronType::self;
    auto const size = jobs_.own_bytes(job.agent) - (is_counted ? entry_size(*replaced) : 0) + entry_size(job);
    if (size <= own_list_limit) return;
    throw Error(codes::too_much, "the `self` jobs of " + job.agent.text() + " would take " +
                                     std::to_string(size) + " bytes, more than one frame can carry to it (" +
                                     std::to_string(own_list_limit) + "); delete some, or shorten `param`");
}

void Cron::changed(TaskId id, Ip const& agent, bool own)
{
    center_.changed(id);
    if (own) agents_.changed(agent);
}

} // namespace elves
