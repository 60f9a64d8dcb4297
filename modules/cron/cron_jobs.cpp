#include "cron_jobs.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "cron_entry.hpp"
#include "cron_schema.hpp"
#include "elves/json_document.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

constexpr std::string_view select_all =
    "SELECT id, agent, type, rule, ins, is_on, created, by_key, zone, misfire, overlap, jitter, settled, "
    "name, starts, ends, agent_knows, refused, owed, watch, watch_from, watch_ended, watch_succeeded "
    "FROM cron_job";
constexpr std::string_view insert_job =
    "INSERT INTO cron_job "
    "(id, agent, type, rule, ins, by_key, zone, misfire, overlap, jitter, settled, name, starts, ends, "
    "agent_knows, is_on, created, watch, watch_from) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?11)";
constexpr std::string_view update_job =
    "UPDATE cron_job SET agent = ?2, type = ?3, rule = ?4, ins = ?5, by_key = ?6, zone = ?7, misfire = ?8, "
    "overlap = ?9, jitter = ?10, settled = iif(?16, settled, ?11), owed = iif(?16, owed, NULL), name = ?12, "
    "starts = ?13, ends = ?14, agent_knows = ?15, refused = '', "
    "watch_from = iif(?16 AND watch <> '', watch_from, ?11), watch = ?18 WHERE id = ?1";
constexpr std::string_view delete_job = "DELETE FROM cron_job WHERE id = ?1";
constexpr std::string_view pause_job = "UPDATE cron_job SET is_on = 0, owed = NULL, refused = '', "
                                       "agent_knows = iif(type = 'self', 1, agent_knows) "
                                       "WHERE id = ?1";
// One that is on already keeps its mark: a second `startcron` makes no time unaccounted for.
constexpr std::string_view start_job =
    "UPDATE cron_job SET settled = iif(is_on, settled, ?2), watch_from = iif(is_on, watch_from, ?2), "
    "agent_knows = iif(type = 'self' AND NOT is_on, 1, agent_knows), is_on = 1 WHERE id = ?1";
// In the words of is_fired_here.
constexpr std::string_view select_settled = "SELECT settled FROM cron_job WHERE id = ?1 AND is_on = 1 "
                                            "AND iif(type = 'center', agent_knows = 0, refused <> '')";
constexpr std::string_view update_settled =
    "UPDATE cron_job SET settled = ?2, owed = coalesce(?3, owed) WHERE id = ?1";
constexpr std::string_view pay_owed =
    "UPDATE cron_job SET owed = NULL WHERE id = ?1 AND owed = ?2 AND is_on = 1";
constexpr std::string_view update_watched =
    "UPDATE cron_job SET watch_from = ?2, watch_ended = ?3, watch_succeeded = ?4 WHERE id = ?1";
constexpr std::string_view rewind_all = "UPDATE cron_job SET settled = ?1 WHERE settled > ?1";
// Writing `is_on` lets triggers on the table see that the mark was set, and not moved by a firing.
constexpr std::string_view update_known =
    "UPDATE cron_job SET agent_knows = ?2, refused = ?3, settled = ?4, is_on = is_on WHERE id = ?1";

std::int64_t number(Instant at) { return at.time_since_epoch().count(); }

Error gone(TaskId id) { return Error(codes::no_cron, "there is no cron job " + id.text() + " any more"); }

/// The two texts that may be long; the rest is bounded by how many jobs there are.
std::size_t bytes_of_job(CronJob const& job) { return bytes_of(job.ins) + job.rule.text().size(); }

template <class T>
T checked(std::optional<T> value, std::string_view what)
{
    if (!value) throw std::runtime_error("illegal " + std::string(what));
    return *value;
}

CronJob job_of(Run const& row)
{
    CronJob job(checked(TaskId::parse(row.text(0)), "id"), QuartzRule::parse(row.text(3)));
    job.agent = checked(Ip::parse(row.text(1)), "agent");
    job.type = row.text(2) == "self" ? CronType::self : CronType::center;
    job.ins = Instruction::read(JsonDocument::parse(row.text(4)).root());
    job.on = row.number(5) != 0;
    job.created = row.instant(6);
    job.by = row.text(7);
    if (!row.is_null(8)) job.zone = checked(Zone::named(row.text(8)), "zone");
    job.misfire = row.text(9) == "once" ? Misfire::once : Misfire::skip;
    job.overlap = row.text(10) == "allow"     ? Overlap::allow
                  : row.text(10) == "replace" ? Overlap::replace
                                              : Overlap::skip;
    job.jitter.most = std::chrono::seconds(row.number(11));
    if (row.number(11) < 0 || job.jitter.most > Jitter::longest) throw std::runtime_error("illegal jitter");
    job.settled = row.instant(12);
    job.name = row.text(13);
    if (!row.is_null(14)) job.start = row.instant(14);
    if (!row.is_null(15)) job.end = row.instant(15);
    job.agent_knows = static_cast<AgentKnows>(std::clamp<std::int64_t>(row.number(16), 0, 2));
    job.refused = row.text(17);
    if (!row.is_null(18)) job.owed = row.instant(18);
    job.watch = row.text(19);
    if (!row.is_null(20)) job.watched.from = row.instant(20);
    if (!row.is_null(21)) job.watched.ended = row.instant(21);
    if (!row.is_null(22)) job.watched.succeeded = row.instant(22);
    return job;
}

std::optional<std::int64_t> number(std::optional<Instant> const& at)
{
    return at ? std::optional(number(*at)) : std::nullopt;
}

/// Runs `insert_job`, or `update_job` where the row is there. `keeps_mark`: its times stay as they are.
void write_job(Db& db, CronJob const& job, bool is_new, bool keeps_mark)
{
    auto const id = job.id.text();
    auto const agent = job.agent.text();
    auto const ins = json::serialize(job.ins.to_json());
    auto const zone = job.zone ? std::optional(job.zone->name()) : std::nullopt;
    auto run = db.run(is_new ? insert_job : update_job);
    run.bind(1, id).bind(2, agent).bind(3, type_text(job.type)).bind(4, job.rule.text()).bind(5, ins);
    run.bind(6, job.by).bind(7, zone).bind(8, misfire_text(job.misfire)).bind(9, overlap_text(job.overlap));
    run.bind(10, std::int64_t{job.jitter.most.count()}).bind(11, number(job.settled));
    run.bind(12, job.name).bind(13, number(job.start)).bind(14, number(job.end));
    run.bind(15, static_cast<std::int64_t>(job.agent_knows));
    if (is_new) run.bind(16, std::int64_t{job.on}).bind(17, number(job.created));
    if (!is_new) run.bind(16, std::int64_t{keeps_mark});
    run.bind(18, job.watch).execute();
}

} // namespace

CronJobs::CronJobs(Store& store, Quotas const* quotas) : CronJobs(store, Bounds{}, quotas) {}
CronJobs::CronJobs(Store& store, Bounds bounds, Quotas const* quotas)
    : store_(store), bounds_(bounds), quotas_(quotas)
{
}

void CronJobs::migrate(Store& store) { store.migrate("cron", cron_schema); }

void CronJobs::load()
{
    std::vector<CronJob> found;
    store_.at_start([&found](Db& db) {
        found.clear();
        auto rows = db.run(select_all);
        while (rows.next()) {
            auto const id = std::string(rows.text(0));
            try {
                found.push_back(job_of(rows));
            } catch (std::exception const& error) {
                // One that this program can't read (a zone that the machine has lost) must not keep the
                // server down; nor is it thrown away.
                ELVES_LOG(error, "cron job " << id << " can't be used and stays off: " << error.what());
            }
        }
    });
    for (auto& job : found) {
        hold({job.agent, job.by, {1, bytes_of_job(job)}});
        keep(std::move(job));
    }
}

CronJob const* CronJobs::find(TaskId id) const
{
    auto const found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : &found->second;
}

std::set<TaskId> const& CronJobs::of_key(std::string_view key) const
{
    static std::set<TaskId> const none;
    auto const found = by_key_.find(key);
    return found == by_key_.end() ? none : found->second.ids;
}

void CronJobs::add_usage(std::string_view key, KeyUsage& usage) const
{
    usage.cron_jobs += static_cast<std::int64_t>(of_key(key).size());
}

void CronJobs::add_holders(std::set<std::string>& keys) const
{
    for (auto const& [key, of_key] : by_key_) keys.insert(key);
}

void CronJobs::on_key_deleted(std::string_view key)
{
    auto const found = by_key_.find(key);
    if (found == by_key_.end() || std::exchange(found->second.is_deleted, true)) return;
    all_held_.jobs -= found->second.held.jobs;
    all_held_.bytes -= found->second.held.bytes;
}

std::vector<TaskId> CronJobs::of_agent(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    if (found == by_agent_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

asio::awaitable<void> CronJobs::add(CronJob job, Store::Work also)
{
    Charged const held{job.agent, job.by, {1, bytes_of_job(job)}};
    require_quota(held);
    require_room(held);
    require_watchable(job);
    job.watched.from = job.settled;
    Store::Work work = [job](Db& db) { write_job(db, job, true, false); };
    work = together(std::move(work), std::move(also));
    auto const name = std::pair(job.agent, job.name);
    reserve_name(name, job.id);
    hold(held);
    std::exception_ptr failure;
    try {
        co_await write_held(held, std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        names_.erase(name);
        std::rethrow_exception(failure);
    }
    keep(std::move(job));
}

asio::awaitable<bool> CronJobs::replace(CronJob job, Store::Work also)
{
    auto const bytes = bytes_of_job(job);
    auto const before = jobs_.find(job.id);
    auto const bytes_before = before == jobs_.end() ? 0 : bytes_of_job(before->second);
    Held const growth{0, bytes - std::min(bytes, bytes_before)};
    // Whoever replaces a job is charged for it from then on.
    bool const is_own = before != jobs_.end() && before->second.by == job.by;
    require_quota({job.agent, job.by, is_own ? growth : Held{1, bytes}});
    require_room({job.agent, job.by, growth});
    require_watchable(job);
    bool const keeps_mark = before != jobs_.end() && same_times(before->second, job);
    if (before != jobs_.end()) job.agent_knows = known_after(before->second, job);
    Store::Work work = [job, keeps_mark](Db& db) {
        write_job(db, job, false, keeps_mark);
        if (db.changes() == 0) throw gone(job.id);
    };
    work = together(std::move(work), std::move(also));
    auto const name = std::pair(job.agent, job.name);
    bool const is_new_name = reserve_name(name, job.id);
    // Until it is on disk the old one is held too: it is what stays where the disk refuses.
    Charged const held{job.agent, job.by, {1, bytes}};
    hold(held);
    std::exception_ptr failure;
    try {
        co_await write_held(held, std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        if (is_new_name) names_.erase(name);
        std::rethrow_exception(failure);
    }
    auto const found = jobs_.find(job.id);
    if (found == jobs_.end()) {
        names_.erase(name);
        release(held);
        co_return true;
    }
    auto const& old = found->second; // Perhaps not the one of before: it may have been changed meanwhile.
    bool const moves = !same_times(old, job);
    if (old.name != job.name) names_.erase({old.agent, old.name});
    job.on = old.on;
    job.created = old.created;
    job.watched = old.watched;
    if (!keeps_mark || old.watch.empty()) job.watched.from = job.settled;
    if (keeps_mark) job.settled = old.settled;
    job.version = old.version;
    forget(old);
    keep(std::move(job));
    co_return moves;
}

asio::awaitable<void> CronJobs::erase(TaskId id, Store::Work also)
{
    Store::Work work = [id](Db& db) {
        erase_in(db, id);
        if (db.changes() == 0) throw gone(id);
    };
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    drop(id);
}

void CronJobs::erase_in(Db& db, TaskId id)
{
    auto const text = id.text();
    db.run(delete_job).bind(1, text).execute();
}

void CronJobs::drop(TaskId id)
{
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) return;
    names_.erase({found->second.agent, found->second.name});
    forget(found->second);
    jobs_.erase(found);
}

/// Takes the name for that job: true. False: it has it already, or it is "". Throws Error 403.10 where
/// another job has it.
bool CronJobs::reserve_name(std::pair<Ip, std::string> const& name, TaskId id)
{
    if (name.second.empty()) return false;
    auto const [place, is_new] = names_.try_emplace(name, id);
    if (is_new || place->second == id) return is_new;
    throw Error(codes::bad_field, "`name` is " + name.second + ", and job " + place->second.text() + " of " +
                                      name.first.text() + " has that name; give another, or that job's `id`");
}

std::optional<TaskId> CronJobs::named(Ip const& agent, std::string const& name) const
{
    auto const found = names_.find({agent, name});
    return name.empty() || found == names_.end() ? std::nullopt : std::optional(found->second);
}

/// What the agent knows of a job once `old` has become `now` on disk.
AgentKnows CronJobs::known_after(CronJob const& old, CronJob const& now)
{
    if (now.type == CronType::self) return AgentKnows::outdated;
    bool const may_hold = old.type == CronType::self || old.agent_knows == AgentKnows::outdated;
    return may_hold ? AgentKnows::outdated : AgentKnows::nothing;
}

/// Gives back what the job is charged for; it is in no index any more.
void CronJobs::forget(CronJob const& job)
{
    auto const of_agent = by_agent_.find(job.agent);
    of_agent->second.erase(job.id);
    if (of_agent->second.empty()) by_agent_.erase(of_agent);
    by_key_.find(job.by)->second.ids.erase(job.id);
    uncount_own(job);
    watched_.erase({job.watch, job.id});
    release({job.agent, job.by, {1, bytes_of_job(job)}});
}

asio::awaitable<void> CronJobs::set_on(TaskId id, bool on, Instant now, Store::Work also)
{
    Store::Work work = [id, on, now](Db& db) {
        auto const text = id.text();
        auto run = db.run(on ? start_job : pause_job);
        run.bind(1, text);
        if (on) run.bind(2, number(now));
        run.execute();
        if (db.changes() == 0) throw gone(id);
    };
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) co_return;
    auto& job = found->second;
    if (on && !job.on) job.settled = job.watched.from = now;
    if (on != job.on) mark_paused_or_started(job, on);
}

void CronJobs::mark_paused_or_started(CronJob& job, bool on)
{
    job.on = on;
    ++job.version;
    if (job.type == CronType::self) job.agent_knows = AgentKnows::outdated;
    if (on) return;
    job.refused.clear();
    job.owed.reset();
}

asio::awaitable<void> CronJobs::pause_all(std::vector<TaskId> ids)
{
    Store::Work work = [ids](Db& db) {
        for (auto const id : ids) {
            auto const text = id.text();
            db.run(pause_job).bind(1, text).execute();
        }
    };
    co_await store_.write(std::move(work));
    for (auto const id : ids) {
        auto const found = jobs_.find(id);
        if (found != jobs_.end() && found->second.on) mark_paused_or_started(found->second, false);
    }
}

asio::awaitable<std::vector<TaskId>> CronJobs::agent_was_told(Told told)
{
    struct Update {
        TaskId id;
        AgentKnows knows;
        std::string refused;
        Instant settled;
        std::uint64_t version;
    };
    std::vector<Update> updates;
    for (auto const& [id, version] : told.jobs) {
        auto const* const job = find(id);
        if (!job || job->version != version) continue; // Another list tells it of what it is now.
        auto const why = told.refused.find(id);
        auto const accounted = told.accounted.find(id);
        Update update{
            id, AgentKnows::job, why == told.refused.end() ? "" : why->second, job->settled, version};
        if (job->type == CronType::center) update.knows = AgentKnows::nothing;
        if (job->agent_knows == update.knows && job->refused == update.refused) continue;
        bool const agent_fires = job->type == CronType::self && update.refused.empty();
        if (agent_fires) update.settled = std::max(update.settled, told.at);
        if (!agent_fires && accounted != told.accounted.end()) update.settled = accounted->second;
        updates.push_back(std::move(update));
    }
    if (updates.empty()) co_return std::vector<TaskId>{};
    Store::Work work = [updates](Db& db) {
        for (auto const& update : updates) {
            auto const text = update.id.text();
            auto run = db.run(update_known);
            run.bind(1, text).bind(2, static_cast<std::int64_t>(update.knows)).bind(3, update.refused);
            run.bind(4, number(update.settled)).execute();
        }
    };
    co_await store_.write(std::move(work));
    std::vector<TaskId> changed;
    for (auto const& update : updates) {
        auto const found = jobs_.find(update.id);
        if (found == jobs_.end() || found->second.version != update.version) continue;
        found->second.agent_knows = update.knows;
        found->second.refused = update.refused;
        found->second.settled = update.settled;
        changed.push_back(update.id);
    }
    co_return changed;
}

asio::awaitable<void> CronJobs::rewind(Instant now)
{
    Store::Work work = [now](Db& db) { db.run(rewind_all).bind(1, number(now)).execute(); };
    co_await store_.write(std::move(work));
    for (auto& [id, job] : jobs_) job.settled = std::min(job.settled, now);
}

std::function<void(Db&)> CronJobs::paying(TaskId id, Instant owed)
{
    return [id, owed](Db& db) {
        auto const text = id.text();
        db.run(pay_owed).bind(1, text).bind(2, number(owed)).execute();
        if (db.changes() == 0) throw TurnRefused(true);
    };
}

std::function<void(Db&)> CronJobs::settling(TaskId id, Instant from, Instant to, std::optional<Instant> owed)
{
    return [id, from, to, owed](Db& db) {
        auto const text = id.text();
        {
            auto row = db.run(select_settled);
            row.bind(1, text);
            if (!row.next()) throw TurnRefused(true);
            auto const settled = row.instant(0);
            if (settled != from) throw TurnRefused(settled >= to, settled);
        }
        db.run(update_settled).bind(1, text).bind(2, number(to)).bind(3, number(owed)).execute();
    };
}

asio::awaitable<void> CronJobs::settle(TaskId id, Instant from, Instant to)
{
    Store::Work work = settling(id, from, to);
    co_await store_.write(std::move(work));
}

asio::awaitable<void> CronJobs::pay(TaskId id, Instant owed)
{
    Store::Work work = paying(id, owed);
    co_await store_.write(std::move(work));
}

std::size_t CronJobs::own_bytes(Ip const& agent) const
{
    auto const found = own_.find(agent);
    return found == own_.end() ? 0 : found->second.bytes;
}

std::size_t CronJobs::own_count(Ip const& agent) const
{
    auto const found = own_.find(agent);
    return found == own_.end() ? 0 : found->second.jobs;
}

void CronJobs::count_own(CronJob const& job)
{
    if (job.type != CronType::self) return;
    auto& own = own_[job.agent];
    own.jobs += 1;
    own.bytes += entry_size(job);
}

void CronJobs::uncount_own(CronJob const& job)
{
    if (job.type != CronType::self) return;
    auto const found = own_.find(job.agent);
    found->second.jobs -= 1;
    found->second.bytes -= entry_size(job);
    if (found->second.jobs == 0) own_.erase(found);
}

void CronJobs::keep(CronJob job)
{
    ++job.version;
    if (!job.name.empty()) names_.insert_or_assign({job.agent, job.name}, job.id);
    count_own(job);
    by_agent_[job.agent].insert(job.id);
    by_key_[job.by].ids.insert(job.id);
    if (!job.watch.empty()) watched_.emplace(job.watch, job.id);
    auto const id = job.id;
    jobs_.insert_or_assign(id, std::move(job));
}

/// Each is a series or three at every scrape.
void CronJobs::require_watchable(CronJob const& job) const
{
    auto const* const old = find(job.id);
    bool const is_more = !job.watch.empty() && (!old || old->watch.empty());
    if (is_more && watched_.size() >= most_watched)
        throw Error(codes::too_much, "`watch` is " + job.watch + ", and " + std::to_string(most_watched) +
                                         " cron jobs are watched already; set some of them without `watch`");
}

void CronJobs::note_end(Task const& task)
{
    auto const found = task.cron_id ? jobs_.find(*task.cron_id) : jobs_.end();
    bool const is_watched = found != jobs_.end() && !found->second.watch.empty();
    if (!is_watched || task.status == TaskStatus::skipped || !task.end) return;
    auto& watched = found->second.watched;
    watched.from = std::max(watched.from, task.fire_time.value_or(task.start));
    watched.ended = std::max(watched.ended, task.end);
    if (task.status == TaskStatus::done) watched.succeeded = std::max(watched.succeeded, task.end);
    Store::Work work = [id = found->first, now = watched](Db& db) {
        auto const text = id.text();
        auto run = db.run(update_watched);
        run.bind(1, text).bind(2, number(now.from)).bind(3, number(now.ended)).bind(4, number(now.succeeded));
        run.execute();
    };
    store_.post_soon(std::move(work), [id = found->first](std::exception_ptr const& failure) {
        if (failure)
            ELVES_LOG(warning,
                "cron.watch_not_written job=" << id.text() << ": after a restart its last run is not known");
    });
}

/// What grows nothing is never refused: what was loaded may be over a bound.
void CronJobs::require_room(Charged const& more) const
{
    // What is free for admins alone is not offered to other keys.
    bool const is_admin = !quotas_ || quotas_->limits_of(more.key).is_admin;
    auto const part = [&](std::size_t pool) { return is_admin ? pool : shared_part(pool); };
    auto const exceeds = [](std::size_t now, std::size_t and_more, std::size_t most) {
        return and_more > 0 && now + and_more > most;
    };
    auto const found = held_.find(more.agent);
    auto const of_agent = found == held_.end() ? Held{} : found->second;
    if (exceeds(all_held_.jobs, more.held.jobs, part(bounds_.all))) {
        throw Error(
            codes::too_much, "there are " + std::to_string(all_held_.jobs) + " cron jobs; delete some first");
    }
    if (exceeds(of_agent.jobs, more.held.jobs, part(bounds_.one_agent))) {
        throw Error(codes::too_much, "agent " + more.agent.text() + " has " + std::to_string(of_agent.jobs) +
                                         " cron jobs; delete some of them first");
    }
    if (exceeds(all_held_.bytes, more.held.bytes, part(bounds_.all_bytes))) {
        throw Error(codes::too_much, "all cron jobs together would take more than " +
                                         std::to_string(part(bounds_.all_bytes)) +
                                         " bytes; delete some first, or shorten `param`");
    }
    if (exceeds(of_agent.bytes, more.held.bytes, part(bounds_.one_agent_bytes))) {
        throw Error(codes::too_much, "the cron jobs of " + more.agent.text() + " would take more than " +
                                         std::to_string(part(bounds_.one_agent_bytes)) +
                                         " bytes; delete some of them first, or shorten `param`");
    }
}

/// Throws QuotaExceeded where this key holds as much as it may, of all agents or of this one.
void CronJobs::require_quota(Charged const& more) const
{
    if (!quotas_ || more.key.empty()) return;
    auto const limits = quotas_->limits_of(more.key);
    auto const refuse = [&](std::string const& has, std::string const& limit) {
        throw QuotaExceeded(
            "key " + quotas_->name_of(more.key) + " has " + has + "; " + limit + "; delete some jobs");
    };
    auto const of_key = by_key_.find(more.key);
    auto const held = of_key == by_key_.end() ? Held{} : of_key->second.held;
    auto const jobs = static_cast<std::int64_t>(held.jobs + more.held.jobs);
    if (more.held.jobs > 0 && jobs > limits.cron_jobs)
        refuse(std::to_string(held.jobs) + " cron jobs", "its quota cron_jobs is " +
                                                             std::to_string(limits.cron_jobs) +
                                                             " (an admin can raise it: elvesctl key set)");
    if (limits.is_admin) return;
    auto const bytes_part = default_part(bounds_.all_bytes);
    if (more.held.bytes > 0 && held.bytes + more.held.bytes > bytes_part)
        refuse(std::to_string(held.bytes) + " bytes of cron jobs, and this one adds " +
                   std::to_string(more.held.bytes),
            "one key may have " + std::to_string(bytes_part));
    auto const found = held_by_key_.find({more.agent, more.key});
    auto const there = found == held_by_key_.end() ? Held{} : found->second;
    auto const jobs_part = one_key_part(bounds_.one_agent);
    if (more.held.jobs > 0 && there.jobs + more.held.jobs > jobs_part)
        refuse(std::to_string(there.jobs) + " cron jobs of agent " + more.agent.text(),
            "one key may have " + std::to_string(jobs_part) + " there");
    auto const there_part = one_key_part(bounds_.one_agent_bytes);
    if (more.held.bytes > 0 && there.bytes + more.held.bytes > there_part)
        refuse(std::to_string(there.bytes) + " bytes of cron jobs of agent " + more.agent.text() +
                   ", and this one adds " + std::to_string(more.held.bytes),
            "one key may have " + std::to_string(there_part) + " there");
}

void CronJobs::hold(Charged const& more)
{
    auto const add = [&](Held& held) {
        held.jobs += more.held.jobs;
        held.bytes += more.held.bytes;
    };
    auto const [of_key, is_new] = by_key_.try_emplace(more.key);
    if (is_new && quotas_) of_key->second.is_deleted = !quotas_->limits_of(more.key).is_known;
    add(of_key->second.held);
    if (!of_key->second.is_deleted) add(all_held_);
    add(held_[more.agent]);
    add(held_by_key_[{more.agent, more.key}]);
}

void CronJobs::release(Charged const& less)
{
    auto const take = [&](Held& held) {
        held.jobs -= less.held.jobs;
        held.bytes -= less.held.bytes;
        return held.jobs == 0 && held.bytes == 0;
    };
    auto const of_key = by_key_.find(less.key);
    if (!of_key->second.is_deleted) take(all_held_);
    if (take(of_key->second.held)) by_key_.erase(of_key);
    auto const of_agent = held_.find(less.agent);
    if (take(of_agent->second)) held_.erase(of_agent);
    auto const of_both = held_by_key_.find({less.agent, less.key});
    if (take(of_both->second)) held_by_key_.erase(of_both);
}

/// Writes what is held already; where the disk refuses, it is held no more.
asio::awaitable<void> CronJobs::write_held(Charged held, Store::Work work)
{
    std::exception_ptr failure;
    try {
        co_await store_.write(std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    release(held);
    std::rethrow_exception(failure);
}

} // namespace elves
