#include "cron.hpp"

#include <algorithm>
#include <exception>

#include "cron_entry.hpp"
#include "elves/answer_budget.hpp"
#include "elves/json_fields.hpp"
#include "elves/log.hpp"
#include "elves/page.hpp"

namespace elves {

namespace {

/// One agent's own jobs travel in one frame (`server.max_frame` is 4 MiB), with its envelope.
constexpr std::size_t own_list_limit = 7 * 512 * 1024;
/// As many as an agent keeps.
constexpr std::size_t own_jobs_limit = 1'000;
/// Jobs that one page looks at: a page may be short, and still have a `next`.
constexpr std::size_t looked_at_limit = 20'000;
/// A rule with less time than this between two of its times is worth a warning.
constexpr std::chrono::seconds quick{10};

/// Where a page of listcrons begins: "IP/ID".
std::pair<Ip, TaskId> place_of(std::string const& after)
{
    auto const slash = after.find('/');
    auto const agent = slash == after.npos ? std::nullopt : Ip::parse(after.substr(0, slash));
    auto const id = slash == after.npos ? std::nullopt : TaskId::parse(after.substr(slash + 1));
    if (agent && id) return {*agent, *id};
    throw Error(codes::bad_field, field_is("after", after) + "; give the `next` of a reply");
}

} // namespace

Cron::Cron(CronJobs& jobs, Presence& presence, TaskEngine& engine, Clock& clock, Zone zone, LoopExecutor loop,
    Quotas const* quotas)
    : jobs_(jobs)
    , presence_(presence)
    , engine_(engine)
    , clock_(clock)
    , zone_(zone)
    , quotas_(quotas)
    , center_(jobs, engine, presence, clock, zone, loop)
    , agents_(jobs, presence, engine, clock, zone, loop, quotas)
{
    engine_.on_finished([this](Task const& task) { jobs_.note_end(task); });
    agents_.on_news([this](TaskId id) { center_.changed(id); });
    presence_.on_forget([this](Ip const& machine) { return belongings_of(machine); });
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
    table
        .call<Search>("listcrons", Right::read,
            {optional("agentip", &Search::agentip), optional("id", &Search::id),
                optional("cron_type", &Search::cron_type), optional("app", &Search::app),
                optional("func", &Search::func), optional("name", &Search::name), optional("by", &Search::by),
                optional("cron_flag", &Search::cron_flag), optional("after", &Search::after),
                optional("limit", &Search::limit), optional("times", &Search::times)},
            "List the cron jobs of all agents, with their next times.",
            [this](Search in, Caller caller) { return search(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .cut_by_app();
    table.call<NextTimes>("nexttimes", Right::read,
        {required("rule", &NextTimes::rule), optional("timezone", &NextTimes::timezone),
            optional("start_date", &NextTimes::start_date), optional("end_date", &NextTimes::end_date),
            optional("times", &NextTimes::times)},
        "When a rule would fire next.",
        [this](NextTimes in, Caller const&) { return next_times_of(std::move(in)); });
    table.call<Set>("setcronbyip", Right::operate,
        {required("agentip", &Set::agentip), optional("cron_type", &Set::cron_type),
            required("rule", &Set::rule), required("ins", &Set::ins), optional("id", &Set::id),
            optional("timezone", &Set::timezone), optional("misfire", &Set::misfire),
            optional("overlap", &Set::overlap), optional("jitter", &Set::jitter),
            optional("name", &Set::name), optional("start_date", &Set::start_date),
            optional("end_date", &Set::end_date), optional("watch", &Set::watch)},
        "Adds a cron job, or replaces the one with that id or name.",
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
    table.call<One>("runcron", Right::operate, {required("agentip", &One::agentip), required("id", &One::id)},
        "Run a cron job now, whatever its rule says.",
        [this](One in, Caller caller) { return run(std::move(in), std::move(caller)); });
}

asio::awaitable<Reply> Cron::run(One in, Caller caller)
{
    auto job = job_of(in.agentip, in.id, caller);
    caller.require_run(job.ins);
    CenterCron::Asked asked{
        caller.by(), caller.peer ? caller.peer->ip().text() : std::string(), caller.also(in.id.text())};
    auto const task = co_await center_.run_now(std::move(job), std::move(asked));
    auto const millis = task.sync_costtime.value_or(std::chrono::milliseconds(0)).count();
    co_return Reply(json::object{{"id", task.id.text()}, {"cron_id", in.id.text()},
        {"fire_time", zone_.text(task.fire_time.value_or(task.start))}, {"status", status_text(task.status)},
        {"agent_sync_flag", task.sync_flag.value_or(false) ? "true" : "false"},
        {"agent_sync_error", task.sync_error}, {"agent_sync_costtime", std::to_string(millis)}});
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
    auto entry = cron_entry(job, last_run, next_time(job), zone_);
    entry["by"] = job.by;
    entry["watch"] = job.watch;
    bool const is_deleted = quotas_ && !quotas_->limits_of(job.by).is_known;
    entry["by_deleted"] = is_deleted ? "true" : "false";
    return entry;
}

/// The time that will fire next, as who fires it knows: the server, or by its rule the agent.
std::optional<Instant> Cron::next_time(CronJob const& job) const
{
    if (!job.on) return std::nullopt;
    if (auto const next = center_.next_time(job.id)) return next;
    return cron_life::next_time(life_of(job, zone_), clock_.now());
}

std::pair<std::vector<TaskId>, std::string> Cron::page_of(Search const& in, Caller const& caller) const
{
    std::vector<TaskId> ids;
    std::size_t bytes = 0;
    std::size_t looked_at = 0;
    std::string last;
    auto const fits = [&](CronJob const& job) {
        auto const flag = !job.on ? "0" : job.refused.empty() ? "1" : "2";
        return caller.may_see(job.agent, job.ins) && (!in.id || *in.id == job.id) &&
               (!in.cron_type || *in.cron_type == job.type) && (!in.app || in.app->text == job.ins.app) &&
               (!in.func || *in.func == job.ins.func) && (!in.name || *in.name == job.name) &&
               (!in.by || *in.by == job.by) && (!in.cron_flag || *in.cron_flag == flag);
    };
    auto const after = in.after ? std::optional(place_of(*in.after)) : std::nullopt;
    auto const& all = jobs_.by_agent();
    auto from = all.begin();
    if (after) from = all.lower_bound(after->first);
    if (in.agentip) from = all.lower_bound(after ? std::max(*in.agentip, after->first) : *in.agentip);
    for (auto at = from; at != all.end(); ++at) {
        auto const& [agent, of_agent] = *at;
        if (in.agentip && agent != *in.agentip) break;
        if (!caller.may_touch(agent)) continue;
        bool const is_begun = after && after->first == agent;
        for (auto id = is_begun ? of_agent.upper_bound(after->second) : of_agent.begin();
             id != of_agent.end(); ++id) {
            bool const is_full = ids.size() == static_cast<std::size_t>(in.limit) || bytes >= page_bytes;
            if (is_full || looked_at == looked_at_limit) return {std::move(ids), last};
            ++looked_at;
            last = agent.text() + "/" + id->text();
            auto const* const job = jobs_.find(*id);
            if (!job || !fits(*job)) continue;
            bytes += entry_size(*job) + 150 * static_cast<std::size_t>(in.times);
            ids.push_back(*id);
        }
    }
    return {std::move(ids), ""};
}

asio::awaitable<Reply> Cron::search(Search in, Caller caller)
{
    constexpr std::int64_t most_times = 20;
    static_cast<void>(page_limit(in.limit));
    if (in.times < 0 || in.times > most_times)
        throw Error(codes::bad_field, "`times` is " + std::to_string(in.times) + "; give 0 to 20");
    if (in.cron_flag && *in.cron_flag != "0" && *in.cron_flag != "1" && *in.cron_flag != "2")
        throw Error(codes::bad_field,
            field_is("cron_flag", *in.cron_flag) + "; give 0 (paused), 1 (on) or 2 (refused by its agent)");
    auto [ids, next] = page_of(in, caller);
    std::vector<std::optional<TaskEngine::LastRun>> last_runs;
    if (!ids.empty()) {
        auto asked = ids;
        last_runs = co_await engine_.last_runs(std::move(asked));
    }
    last_runs.resize(ids.size());
    json::array entries;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto const* const job = jobs_.find(ids[i]);
        if (!job) continue;
        auto entry = listed(*job, last_runs[i]);
        auto const first = next_time(*job);
        auto times = json::array();
        if (first)
            times = next_times(
                *job, *first - std::chrono::milliseconds(1), static_cast<std::size_t>(in.times), zone_);
        entry["next_times"] = std::move(times);
        entries.push_back(std::move(entry));
    }
    Reply reply(json::object{{"cron_list", std::move(entries)}});
    if (!next.empty()) reply.fields()["next"] = next;
    co_return reply;
}

/// A rule that never fires from now on has no times.
Reply Cron::next_times_of(NextTimes in) const
{
    constexpr std::int64_t most_times = 100;
    if (in.times < 1 || in.times > most_times)
        throw Error(codes::bad_field, "`times` is " + std::to_string(in.times) + "; give 1 to 100");
    CronJob job(TaskId(), std::move(*in.rule));
    job.zone = in.timezone;
    if (in.start_date) job.start = date_of("start_date", *in.start_date, false);
    if (in.end_date) job.end = date_of("end_date", *in.end_date, true);
    json::array times;
    for (auto const& time : next_times(job, clock_.now(), static_cast<std::size_t>(in.times), zone_)) {
        auto const& fields = time.as_object();
        times.push_back(json::object{{"fire_time", fields.at("fire_time")}, {"local", fields.at("local")}});
    }
    return {{"timezone", job.zone.value_or(zone_).name()}, {"times", std::move(times)}};
}

Reply Cron::list_of_key(ByKey const& in, Caller const& caller) const
{
    static_cast<void>(page_limit(in.limit));
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
        for (auto const id : some) co_await center_.close(id, CenterCron::Closing::paused);
        co_await jobs_.pause_all(some);
        for (auto const id : some) {
            if (auto const* const job = jobs_.find(id)) changed(id, job->agent, job->type == CronType::self);
        }
    }
    co_return ids.size();
}

asio::awaitable<Reply> Cron::set(Set in, Caller caller)
{
    // Setting a name again replaces the job that has it.
    if (!in.id && !in.name.text.empty()) in.id = jobs_.named(in.agentip, in.name.text);
    auto const id = in.id;
    auto const agent = in.agentip;
    auto job = made_of(std::move(in), caller);
    require_room(job);
    auto const warnings = warnings_of(job);
    auto own = job.type == CronType::self;
    auto const new_id = job.id;
    auto also = caller.also(new_id.text());
    bool moves = true;
    bool was_fired_here = false;
    if (id) {
        auto const& old = job_of(agent, *id, caller);
        moves = !same_times(old, job);
        was_fired_here = is_fired_here(old);
        own = own || old.type == CronType::self || old.agent_knows == AgentKnows::outdated;
        if (moves) co_await center_.close(*id, CenterCron::Closing::changed);
        job.settled = clock_.now();
        bool const moved = co_await jobs_.replace(std::move(job), std::move(also));
        moves = moves || moved;
    } else {
        co_await jobs_.add(std::move(job), std::move(also));
    }
    // One that fires at the same times goes on as it was: what is due of it stays due.
    auto const* const now = jobs_.find(new_id);
    if (moves || was_fired_here != (now && is_fired_here(*now))) center_.changed(new_id);
    if (own) agents_.changed(agent);
    json::object fields{{"id", new_id.text()}, {"warnings", warnings}};
    co_return co_await told_reply(std::move(fields), agent, own);
}

asio::awaitable<Reply> Cron::erase(One in, Caller caller)
{
    auto const& job = job_of(in.agentip, in.id, caller);
    bool const own = job.type == CronType::self || job.agent_knows == AgentKnows::outdated;
    co_await center_.close(in.id, CenterCron::Closing::deleted);
    if (auto const* const still = jobs_.find(in.id)) center_.deleting(*still);
    auto also = caller.also();
    co_await jobs_.erase(in.id, std::move(also));
    changed(in.id, in.agentip, own);
    co_await cancel_waiting(in.id, in.agentip);
    json::object none;
    co_return co_await told_reply(std::move(none), in.agentip, own);
}

Belongings Cron::belongings_of(Ip const& machine)
{
    auto const ids = jobs_.of_agent(machine);
    Belongings all;
    all.shown["cron_jobs"] = std::to_string(ids.size());
    all.is_any = !ids.empty();
    all.erase = [ids](Db& db) {
        for (auto const id : ids) CronJobs::erase_in(db, id);
    };
    all.on_erased = [this, machine, ids] {
        for (auto const id : ids) {
            jobs_.drop(id);
            center_.changed(id);
        }
        agents_.changed(machine);
    };
    return all;
}

asio::awaitable<Reply> Cron::set_on(One in, Caller caller, bool on)
{
    auto const& job = job_of(in.agentip, in.id, caller);
    // Whoever starts a job has it run: what may not be asked for may not be started either.
    if (on) caller.require_run(job.ins);
    if (job.on == on) co_return Reply();
    if (on) require_time(job);
    bool const own = job.type == CronType::self || job.agent_knows == AgentKnows::outdated;
    if (!on) co_await center_.close(in.id, CenterCron::Closing::paused);
    auto also = caller.also();
    co_await jobs_.set_on(in.id, on, clock_.now(), std::move(also));
    changed(in.id, in.agentip, own);
    if (!on) co_await cancel_waiting(in.id, in.agentip);
    json::object none;
    co_return co_await told_reply(std::move(none), in.agentip, own);
}

asio::awaitable<void> Cron::cancel_waiting(TaskId id, Ip agent)
{
    std::vector<TaskId> waiting;
    for (auto const task_id : engine_.open_of(agent)) {
        auto const* const task = engine_.open(task_id);
        if (task && task->cron_id == id && task->status == TaskStatus::waiting) waiting.push_back(task_id);
    }
    for (auto const task_id : waiting) {
        std::string failure;
        try {
            co_await engine_.cancel(task_id, {});
        } catch (Error const& error) {
            if (error.code() != codes::no_task) failure = error.info();
        }
        if (!failure.empty())
            ELVES_LOG(warning,
                "cron.cancel_failed job=" << id.text() << " task=" << task_id.text() << ": " << failure);
    }
}

asio::awaitable<Reply> Cron::told_reply(json::object fields, Ip agent, bool own)
{
    Reply reply(std::move(fields));
    if (!own) co_return reply;
    bool const is_told = co_await agents_.is_told(agent);
    reply.fields()["agent_told"] = is_told ? "true" : "false";
    co_return reply;
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
    job.name = std::move(in.name.text);
    job.watch = std::move(in.watch.text);
    if (in.start_date) job.start = date_of("start_date", *in.start_date, false);
    if (in.end_date) job.end = date_of("end_date", *in.end_date, true);
    if (job.start && job.end && *job.end < *job.start)
        throw Error(codes::bad_field,
            field_is("end_date", *in.end_date) + "; give one that is not before `start_date`");
    job.settled = now;
    job.agent_knows = job.type == CronType::self ? AgentKnows::outdated : AgentKnows::nothing;
    require_time(job);
    return job;
}

Instant Cron::date_of(std::string_view field, std::string const& text, bool is_end) const
{
    auto const time = zone_.parse(text);
    auto const day = time ? time : zone_.parse(text + (is_end ? " 23:59:59" : " 00:00:00"));
    if (day) return *day;
    throw Error(codes::bad_field, field_is(field, text) + "; give YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS");
}

void Cron::require_time(CronJob const& job) const
{
    auto const view = life_of(job, zone_);
    auto const now = clock_.now();
    if (cron_life::next_time(view, now)) return;
    auto const ever = job.rule.next_after(Instant(), view.zone);
    auto const later = job.rule.next_after(now, view.zone);
    std::string why = "no year has such a day";
    if (ever) why = "its last time is over; look at the year";
    if (later) why = "it has no time between `start_date` and `end_date`";
    throw Error(
        codes::bad_rule, field_is("rule", job.rule.text()) + ", which never fires from now on: " + why);
}

json::array Cron::warnings_of(CronJob const& job) const
{
    json::array warnings;
    auto const agent = job.agent.text();
    auto const apps = applications_ ? applications_->apps_of(job.agent) : std::nullopt;
    if (!applications_) {
        // Nobody knows.
    } else if (!apps) {
        warnings.emplace_back("agent " + agent + " has never registered with this server");
    } else if (std::find(apps->begin(), apps->end(), job.ins.app) == apps->end()) {
        warnings.emplace_back("agent " + agent + " does not have the app " + job.ins.app +
                              "; it names its apps when it registers");
    }
    auto const view = life_of(job, zone_);
    auto const first = cron_life::next_time(view, clock_.now());
    auto const second = first ? cron_life::next_time(view, *first) : std::nullopt;
    if (!second) return warnings;
    auto const pause = std::chrono::duration_cast<std::chrono::seconds>(*second - *first);
    if (pause < quick)
        warnings.emplace_back(pause.count() == 1
                                  ? std::string("the rule fires every second: give 0 for the seconds if that "
                                                "is not meant")
                                  : "the rule fires every " + std::to_string(pause.count()) + " seconds");
    if (job.jitter.most >= pause)
        warnings.emplace_back("`jitter` is " + std::to_string(job.jitter.most.count()) +
                              " s, and the rule's next two times are only " + std::to_string(pause.count()) +
                              " s apart");
    return warnings;
}

void Cron::require_room(CronJob const& job) const
{
    if (job.type != CronType::self) return;
    auto const* const replaced = jobs_.find(job.id);
    bool const is_counted = replaced && replaced->type == CronType::self;
    auto const size = jobs_.own_bytes(job.agent) - (is_counted ? entry_size(*replaced) : 0) + entry_size(job);
    auto const jobs = jobs_.own_count(job.agent) - (is_counted ? 1 : 0) + 1;
    if (jobs > own_jobs_limit)
        throw Error(codes::too_much, "agent " + job.agent.text() + " has " + std::to_string(jobs - 1) +
                                         " `self` jobs, and an agent keeps " +
                                         std::to_string(own_jobs_limit) +
                                         "; delete some, or set this one as `center`");
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
