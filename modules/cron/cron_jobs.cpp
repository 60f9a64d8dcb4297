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
    "SELECT id, agent, type, rule, ins, is_on, created, by_key, zone, misfire, overlap, jitter, settled "
    "FROM cron_job";
constexpr std::string_view insert_job =
    "INSERT INTO cron_job "
    "(id, agent, type, rule, ins, by_key, zone, misfire, overlap, jitter, settled, is_on, created) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
constexpr std::string_view update_job =
    "UPDATE cron_job SET agent = ?2, type = ?3, rule = ?4, ins = ?5, by_key = ?6, zone = ?7, misfire = ?8, "
    "overlap = ?9, jitter = ?10, settled = ?11 WHERE id = ?1";
constexpr std::string_view delete_job = "DELETE FROM cron_job WHERE id = ?1";
constexpr std::string_view pause_job = "UPDATE cron_job SET is_on = 0 WHERE id = ?1";
// One that is on already keeps its mark: a second `startcron` makes no time unaccounted for.
constexpr std::string_view start_job =
    "UPDATE cron_job SET is_on = 1, settled = iif(is_on, settled, ?2) WHERE id = ?1";
constexpr std::string_view select_settled =
    "SELECT settled FROM cron_job WHERE id = ?1 AND is_on = 1 AND type = 'center'";
constexpr std::string_view update_settled = "UPDATE cron_job SET settled = ?2 WHERE id = ?1";

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
    return job;
}

/// Runs `sql` with ?1 to ?11 of the job, and ?12, ?13 where it is a new one.
void write_job(Db& db, std::string_view sql, CronJob const& job, bool is_new)
{
    auto const id = job.id.text();
    auto const agent = job.agent.text();
    auto const ins = json::serialize(job.ins.to_json());
    auto const zone = job.zone ? std::optional(job.zone->name()) : std::nullopt;
    auto run = db.run(sql);
    run.bind(1, id).bind(2, agent).bind(3, type_text(job.type)).bind(4, job.rule.text()).bind(5, ins);
    run.bind(6, job.by).bind(7, zone).bind(8, misfire_text(job.misfire)).bind(9, overlap_text(job.overlap));
    run.bind(10, std::int64_t{job.jitter.most.count()}).bind(11, number(job.settled));
    if (is_new) run.bind(12, std::int64_t{job.on}).bind(13, number(job.created));
    run.execute();
}

} // namespace

CronJobs::CronJobs(Store& store) : CronJobs(store, Bounds{}) {}
CronJobs::CronJobs(Store& store, Bounds bounds) : store_(store), bounds_(bounds) {}

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
        Held const held{1, bytes_of_job(job)};
        hold(job.agent, held);
        keep(std::move(job));
    }
}

CronJob const* CronJobs::find(TaskId id) const
{
    auto const found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : &found->second;
}

std::vector<TaskId> CronJobs::of_agent(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    if (found == by_agent_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

asio::awaitable<void> CronJobs::add(CronJob job, Store::Work also)
{
    Held const held{1, bytes_of_job(job)};
    require_room(job.agent, held);
    Store::Work work = [job](Db& db) { write_job(db, insert_job, job, true); };
    work = together(std::move(work), std::move(also));
    hold(job.agent, held);
    co_await write_held(job.agent, held, std::move(work));
    keep(std::move(job));
}

asio::awaitable<void> CronJobs::replace(CronJob job, Store::Work also)
{
    auto const bytes = bytes_of_job(job);
    auto const before = jobs_.find(job.id);
    auto const bytes_before = before == jobs_.end() ? 0 : bytes_of_job(before->second);
    Held const growth{0, bytes - std::min(bytes, bytes_before)};
    require_room(job.agent, growth);
    Store::Work work = [job](Db& db) {
        write_job(db, update_job, job, false);
        if (db.changes() == 0) throw gone(job.id);
    };
    work = together(std::move(work), std::move(also));
    // Until it is on disk the old one is held too: it is what stays where the disk refuses.
    Held const held{0, bytes};
    hold(job.agent, held);
    co_await write_held(job.agent, held, std::move(work));
    auto const found = jobs_.find(job.id);
    Held const old{0, found == jobs_.end() ? bytes : bytes_of_job(found->second)};
    release(job.agent, old);
    if (found == jobs_.end()) co_return;
    job.on = found->second.on;
    job.created = found->second.created;
    uncount_own(found->second);
    count_own(job);
    found->second = std::move(job);
}

asio::awaitable<void> CronJobs::erase(TaskId id, Store::Work also)
{
    Store::Work work = [id](Db& db) {
        auto const text = id.text();
        db.run(delete_job).bind(1, text).execute();
        if (db.changes() == 0) throw gone(id);
    };
    work = together(std::move(work), std::move(also));
    co_await store_.write(std::move(work));
    auto const found = jobs_.find(id);
    if (found == jobs_.end()) co_return;
    auto const agent = found->second.agent;
    Held const held{1, bytes_of_job(found->second)};
    uncount_own(found->second);
    jobs_.erase(found);
    auto const of_agent = by_agent_.find(agent);
    of_agent->second.erase(id);
    if (of_agent->second.empty()) by_agent_.erase(of_agent);
    release(agent, held);
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
    if (on && !found->second.on) found->second.settled = now;
    found->second.on = on;
}

std::function<void(Db&)> CronJobs::settling(TaskId id, Instant from, Instant to)
{
    return [id, from, to](Db& db) {
        auto const text = id.text();
        {
            auto row = db.run(select_settled);
            row.bind(1, text);
            if (!row.next()) throw TurnRefused(true);
            auto const settled = row.instant(0);
            if (settled != from) throw TurnRefused(settled >= to);
        }
        db.run(update_settled).bind(1, text).bind(2, number(to)).execute();
    };
}

asio::awaitable<void> CronJobs::settle(TaskId id, Instant from, Instant to)
{
    Store::Work work = settling(id, from, to);
    co_await store_.write(std::move(work));
}

std::size_t CronJobs::own_bytes(Ip const& agent) const
{
    auto const found = own_bytes_.find(agent);
    return found == own_bytes_.end() ? 0 : found->second;
}

void CronJobs::count_own(CronJob const& job)
{
    if (job.type == CronType::self) own_bytes_[job.agent] += entry_size(job);
}

void CronJobs::uncount_own(CronJob const& job)
{
    if (job.type != CronType::self) return;
    auto const found = own_bytes_.find(job.agent);
    found->second -= entry_size(job);
    if (found->second == 0) own_bytes_.erase(found);
}

void CronJobs::keep(CronJob job)
{
    count_own(job);
    by_agent_[job.agent].insert(job.id);
    auto const id = job.id;
    jobs_.insert_or_assign(id, std::move(job));
}

/// What grows nothing is never refused: what was loaded may be over a bound.
void CronJobs::require_room(Ip const& agent, Held const& more) const
{
    auto const exceeds = [](std::size_t now, std::size_t and_more, std::size_t most) {
        return and_more > 0 && now + and_more > most;
    };
    auto const found = held_.find(agent);
    auto const of_agent = found == held_.end() ? Held{} : found->second;
    if (exceeds(all_held_.jobs, more.jobs, bounds_.all)) {
        throw Error(
            codes::too_much, "there are " + std::to_string(all_held_.jobs) + " cron jobs; delete some first");
    }
    if (exceeds(of_agent.jobs, more.jobs, bounds_.one_agent)) {
        throw Error(codes::too_much,
            agent.text() + " has " + std::to_string(of_agent.jobs) + " cron jobs; delete some of them first");
    }
    if (exceeds(all_held_.bytes, more.bytes, bounds_.all_bytes)) {
        throw Error(codes::too_much, "all cron jobs together would take more than " +
                                         std::to_string(bounds_.all_bytes) +
                                         " bytes; delete some first, or shorten `param`");
    }
    if (exceeds(of_agent.bytes, more.bytes, bounds_.one_agent_bytes)) {
        throw Error(codes::too_much, "the cron jobs of " + agent.text() + " would take more than " +
                                         std::to_string(bounds_.one_agent_bytes) +
                                         " bytes; delete some of them first, or shorten `param`");
    }
}

void CronJobs::hold(Ip const& agent, Held const& more)
{
    auto& of_agent = held_[agent];
    of_agent.jobs += more.jobs;
    of_agent.bytes += more.bytes;
    all_held_.jobs += more.jobs;
    all_held_.bytes += more.bytes;
}

void CronJobs::release(Ip const& agent, Held const& less)
{
    all_held_.jobs -= less.jobs;
    all_held_.bytes -= less.bytes;
    auto const found = held_.find(agent);
    found->second.jobs -= less.jobs;
    found->second.bytes -= less.bytes;
    if (found->second.jobs == 0 && found->second.bytes == 0) held_.erase(found);
}

/// Writes what is held already; where the disk refuses, it is held no more.
asio::awaitable<void> CronJobs::write_held(Ip agent, Held held, Store::Work work)
{
    std::exception_ptr failure;
    try {
        co_await store_.write(std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    release(agent, held);
    std::rethrow_exception(failure);
}

} // namespace elves
