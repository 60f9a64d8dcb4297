// What a start reads from the data file, or from an agent's journal, may be damaged, or changed by hand: each
// row is taken, or left alone with a line in the log, whatever its columns hold. Of tasks see store_rows.
#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "agent/journal.hpp"
#include "audit/audit_record.hpp"
#include "cmdbproxy/cmdb_records.hpp"
#include "cmdbproxy_schema.hpp"
#include "cron/cron_jobs.hpp"
#include "elves/json_document.hpp"
#include "fuzz_target.hpp"
#include "heartbeat/agent_records.hpp"
#include "heartbeat_schema.hpp"
#include "loose_table.hpp"
#include "supervisor/app_addresses.hpp"
#include "supervisor/join_records.hpp"
#include "supervisor/key_ring.hpp"
#include "supervisor_schema.hpp"
#include "support/inline_store.hpp"

using namespace elves;

namespace {

/// All tables as they are made, and then each so that its columns take anything.
struct House {
    asio::io_context loop{1};
    InlineStore store{loop.get_executor()};
    InlineStore agents_store{loop.get_executor()}; ///< A file is a server's or an agent's.
    std::optional<agent::Journal> journal;
    std::map<std::string, fuzz::LooseTable, std::less<>> tables;

    House()
    {
        store.migrate("supervisor", supervisor_schema);
        store.migrate("heartbeat", heartbeat_schema);
        store.migrate("cmdbproxy", cmdbproxy_schema);
        CronJobs::migrate(store);
        audit::migrate(store);
        journal.emplace(agents_store);
    }
};

House& house()
{
    static House one;
    return one;
}

/// Within the years that a text of 19 characters can say.
void shown(Instant at) { PROMISE(Zone().text(at).size() == 19); }

template <class T>
void shown(std::optional<T> const& at)
{
    if (at) shown(*at);
}

void read_keys(Instant now)
{
    KeyRing keys(house().store, Zone());
    keys.load(now);
    for (auto const& [id, entry] : keys.all()) {
        PROMISE(entry.key && entry.key->key == id && entry.key->create_time.size() == 19);
        shown(entry.key->expires);
        shown(entry.old_token_until);
        if (entry.used) shown(entry.used->at);
        // Nobody's token has the hash of a row that was written by hand, unless that is one.
        PROMISE(!keys.proven(id, "no token", now));
        (void)entry.key->may_use("demo");
        (void)entry.key->may_touch(Ip());
    }
    (void)KeyRing::holder(house().store.db(), Ip(), "a hash", now);
}

void read_apps(Instant)
{
    AppAddresses apps(house().store);
    apps.load();
    for (auto const& [name, address] : apps.all()) PROMISE(address.port != 0);
}

void read_joins(Instant)
{
    JoinRecords const records(house().store.db());
    for (auto const& request : records.page(std::numeric_limits<std::int64_t>::min(), 10)) {
        shown(request.first);
        shown(request.last);
    }
    (void)records.of(Ip());
    for (auto const& token : records.tokens()) {
        shown(token.created);
        shown(token.expires);
        shown(token.used);
    }
}

void read_agents(Instant)
{
    for (auto const& record : AgentRecords(house().store).load()) shown(record.last_heard);
}

/// As the other side reads it.
Instruction travelled(Instruction const& ins)
{
    return Instruction::read(JsonDocument::parse(json::serialize(ins.to_json())).root());
}

void read_inventory(Instant) { CmdbRecords(house().store).load(); }

void read_crons(Instant now)
{
    CronJobs jobs(house().store);
    jobs.load();
    for (auto const& [id, job] : jobs.all()) {
        PROMISE(job.id == id && jobs.find(id) && jobs.of_agent(job.agent).size() == 1);
        PROMISE(travelled(job.ins).to_json() == job.ins.to_json());
        shown(job.created);
        shown(job.settled);
        PROMISE(job.jitter.most.count() >= 0 && job.jitter.most <= Jitter::longest);
        (void)job.rule.next_after(now, job.zone.value_or(Zone()));
    }
}

void read_audit(Instant now)
{
    auto& db = house().store.db();
    (void)audit::head(db);
    (void)audit::start(db);
    for (auto const& record : audit::rows(db, std::numeric_limits<std::int64_t>::min(), 10).records)
        PROMISE(audit::hash_of("", record).size() == 64);
    for (bool const oldest_first : {false, true}) (void)audit::list(db, {}, std::nullopt, oldest_first, 10);
    (void)audit::prune(db, now.time_since_epoch().count(), 10);
}

void read_journal(Instant now)
{
    auto& journal = *house().journal;
    for (auto const& entry : journal.load_tasks(now)) {
        PROMISE(entry.ins.to_json() == travelled(entry.ins).to_json());
        shown(entry.taken);
        shown(entry.started);
        if (entry.firing) shown(entry.firing->fire_time);
    }
    for (auto const& row : journal.load_crons()) shown(row.accounted);
    if (auto const owner = journal.load_owner()) PROMISE(owner == journal.load_owner());
    if (auto const contact = journal.load_contact()) shown(contact->heard);
}

using Read = void (*)(Instant now);
std::map<std::string_view, Read> const readers{{"access_key", read_keys}, {"app", read_apps},
    {"join_request", read_joins}, {"join_token", read_joins}, {"agent", read_agents},
    {"cmdb_record", read_inventory}, {"cron_job", read_crons}, {"audit", read_audit},
    {"audit_start", read_audit}, {"audit_pages", read_audit}, {"task", read_journal}, {"cron", read_journal},
    {"owner", read_journal}, {"contact", read_journal}};

} // namespace

/// A table's name, then a line for each of its columns, in their order.
FUZZ_TARGET(store_start)
{
    auto const name = input.substr(0, input.find('\n'));
    auto const reader = readers.find(name);
    if (reader == readers.end()) return;
    auto table = house().tables.find(name);
    bool const is_journal = reader->second == read_journal;
    auto& db = is_journal ? house().agents_store.db() : house().store.db();
    if (table == house().tables.end())
        table = house().tables.try_emplace(std::string(name), db, std::string(name)).first;
    table->second.put(input.substr(std::min(name.size() + 1, input.size())));
    reader->second(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1));
    table->second.clear();
}
