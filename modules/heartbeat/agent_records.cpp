#include "agent_records.hpp"

namespace elves {

namespace {

constexpr std::string_view select_all = "SELECT ip, asset, os, version, starttime, hw_config, apps, "
                                        "last_heard, linked_from, linked_by, facts, is_up FROM agent";

constexpr std::string_view upsert =
    "INSERT INTO agent (ip, asset, os, version, starttime, hw_config, apps, last_heard, linked_from, "
    "linked_by, facts)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    " ON CONFLICT (ip) DO UPDATE SET asset = ?2, os = ?3, version = ?4, starttime = ?5, hw_config = ?6,"
    " apps = ?7, last_heard = ?8, linked_from = ?9, linked_by = ?10,"
    " facts = ?11";

constexpr std::string_view delete_one = "DELETE FROM agent WHERE ip = ?1";

constexpr std::string_view delete_turns = "DELETE FROM agent_change WHERE ip = ?1";

// After all that is there: an agent that went was heard last before it was recorded that it came, or the
// clock was set back.
constexpr std::string_view insert_turn =
    "INSERT INTO agent_change (ip, time, is_up) SELECT ?1, max(?2, coalesce(max(time) + 1, ?2)), ?3 "
    "FROM agent_change WHERE ip = ?1";
constexpr std::string_view delete_old_turns =
    "DELETE FROM agent_change WHERE ip = ?1 AND (time < ?2 OR time <= (SELECT time FROM agent_change "
    "WHERE ip = ?1 ORDER BY time DESC LIMIT 1 OFFSET ?3))";
constexpr std::string_view update_up = "UPDATE agent SET is_up = ?2 WHERE ip = ?1";
constexpr std::string_view select_turns =
    "SELECT time, is_up FROM agent_change WHERE ip = ?1 AND time >= ?2 ORDER BY time";
constexpr std::string_view select_turn_before =
    "SELECT is_up FROM agent_change WHERE ip = ?1 AND time < ?2 ORDER BY time DESC LIMIT 1";

constexpr std::string_view select_counts =
    "SELECT time, online, known FROM online_count WHERE time >= ?1 ORDER BY time";
constexpr std::string_view put_count =
    "INSERT OR REPLACE INTO online_count (time, online, known) VALUES (?1, ?2, ?3)";
constexpr std::string_view delete_old_counts = "DELETE FROM online_count WHERE time < ?1";

constexpr std::string_view update_heard = "UPDATE agent SET last_heard = ?2 WHERE ip = ?1";

json::object object_of(std::string_view text)
{
    boost::system::error_code failure;
    auto value = json::parse(text, failure);
    return value.is_object() ? std::move(value.get_object()) : json::object();
}

AgentRecord read_row(Run const& row, Ip const& ip)
{
    return {ip, std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3)),
        std::string(row.text(4)), std::string(row.text(5)), object_of(row.text(6)), object_of(row.text(10)),
        row.instant(7), std::string(row.text(8)), std::string(row.text(9)), row.number(11) != 0};
}

void write_record(Db& db, AgentRecord const& agent)
{
    auto const ip = agent.ip.text();
    auto const apps = json::serialize(agent.apps);
    auto const facts = json::serialize(agent.facts);
    db.run(upsert)
        .bind(1, ip)
        .bind(2, agent.asset)
        .bind(3, agent.os)
        .bind(4, agent.version)
        .bind(5, agent.starttime)
        .bind(6, agent.hw_config)
        .bind(7, apps)
        .bind(8, agent.last_heard.time_since_epoch().count())
        .bind(9, agent.linked_from)
        .bind(10, agent.linked_by)
        .bind(11, facts)
        .execute();
}

void write_heard(Db& db, AgentChanges::Heard const& heard)
{
    auto const ip = heard.ip.text();
    db.run(update_heard).bind(1, ip).bind(2, heard.at.time_since_epoch().count()).execute();
}

std::int64_t number(Instant at) { return at.time_since_epoch().count(); }

/// What is too old goes when the agent comes or goes; that there is no more than a bound holds at any time.
void write_turn(Db& db, AgentChanges::Turn const& turn)
{
    auto const ip = turn.ip.text();
    auto const before = number(turn.at - AgentRecords::turns_kept);
    db.run(insert_turn).bind(1, ip).bind(2, number(turn.at)).bind(3, std::int64_t{turn.is_up}).execute();
    db.run(delete_old_turns).bind(1, ip).bind(2, before).bind(3, AgentRecords::most_turns).execute();
    db.run(update_up).bind(1, ip).bind(2, std::int64_t{turn.is_up}).execute();
}

} // namespace

std::vector<AgentRecord> AgentRecords::load()
{
    std::vector<AgentRecord> agents;
    store_.at_start([&agents](Db& db) {
        agents.clear();
        auto rows = db.run(select_all);
        while (rows.next()) {
            if (auto const ip = Ip::parse(rows.text(0))) agents.push_back(read_row(rows, *ip));
        }
    });
    return agents;
}

void AgentRecords::save(std::shared_ptr<AgentChanges const> changes, Store::Done done)
{
    store_.post(
        [all = std::move(changes)](Db& db) {
            for (auto const& agent : all->registered) write_record(db, agent);
            for (auto const& heard : all->heard) write_heard(db, heard);
            for (auto const& turn : all->turns) write_turn(db, turn);
            for (auto const& write_audit : all->audit_writes) write_audit(db);
        },
        std::move(done));
}

asio::awaitable<void> AgentRecords::erase(std::vector<Ip> agents, Store::Work also)
{
    Store::Work write = [agents = std::move(agents)](Db& db) {
        for (auto const& agent : agents) {
            auto const ip = agent.text();
            db.run(delete_one).bind(1, ip).execute();
            db.run(delete_turns).bind(1, ip).execute();
        }
    };
    return store_.write(together(std::move(write), std::move(also)));
}

asio::awaitable<AgentHistory> AgentRecords::history(Ip agent, Instant since)
{
    std::function<AgentHistory(Db&)> work = [agent, since](Db& db) {
        AgentHistory history;
        auto const ip = agent.text();
        auto before = db.run(select_turn_before);
        if (before.bind(1, ip).bind(2, number(since)).next()) history.was_up = before.number(0) != 0;
        auto rows = db.run(select_turns);
        for (rows.bind(1, ip).bind(2, number(since)); rows.next();)
            history.turns.push_back({agent, rows.instant(0), rows.number(1) != 0});
        return history;
    };
    return store_.read(std::move(work));
}

std::vector<OnlineCount> AgentRecords::load_counts(Instant since)
{
    std::vector<OnlineCount> counts;
    store_.at_start([&counts, since](Db& db) {
        counts.clear();
        auto rows = db.run(select_counts);
        for (rows.bind(1, number(since)); rows.next();)
            counts.push_back({rows.instant(0), rows.number(1), rows.number(2)});
    });
    return counts;
}

void AgentRecords::save_count(OnlineCount const& count, Instant since)
{
    store_.post_soon(
        [count, since](Db& db) {
            db.run(put_count).bind(1, number(count.at)).bind(2, count.online).bind(3, count.known).execute();
            db.run(delete_old_counts).bind(1, number(since)).execute();
        },
        [](std::exception_ptr const& /*failure*/) {});
}

} // namespace elves
