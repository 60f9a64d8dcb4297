#include "doctor/doctor.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <optional>

#include "audit/audit_record.hpp"
#include "audit_schema.hpp"
#include "catch.hpp"
#include "cron_schema.hpp"
#include "heartbeat_schema.hpp"
#include "run_schema.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "supervisor_schema.hpp"
#include "support/audit_file.hpp"
#include "support/temp_folder.hpp"
#include "tasklog_schema.hpp"

using namespace elves;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

auto const now = Instant(1'767'225'600'000ms); // 2026-01-01T00:00:00Z

/// A data file of the real modules, healthy until a test breaks it.
struct File {
    std::unique_ptr<Db> db = open_in_memory();

    File()
    {
        migrate(*db, {{"tasklog", tasklog_schema}, {"cron", cron_schema}, {"supervisor", supervisor_schema},
                         {"audit", audit_schema}, {"heartbeat", heartbeat_schema}, {"run", run_schema}});
    }
    /// `values`: mode, status, start_time, sent_time, end_time, worker_flag.
    void task(std::string const& id, std::string const& values)
    {
        db->script(
            "CREATE TEMP TABLE IF NOT EXISTS given (id, mode, status, start_time, sent_time, end_time, flag);"
            "DELETE FROM given; INSERT INTO given VALUES (" +
            id + ", " + values +
            "); INSERT OR IGNORE INTO task_blocks VALUES (0, 0);"
            "INSERT INTO task_requests (key, block, agent, type, mode, status, start_time, timeout, ttl, "
            "app, func, "
            "asked_from, param) SELECT id, 0, '10.0.0.1', 1, mode = 'P', 0, start_time, 90, 0, 'a', 'f', '', "
            "'' "
            "FROM given;"
            "INSERT INTO task_outcomes (key, status, cancel_due, sent_after, end_after, worker_flag) SELECT "
            "id, "
            "CASE status WHEN 'sent' THEN 1 WHEN 'running' THEN 2 WHEN 'done' THEN 3 WHEN 'failed' THEN 4 "
            "ELSE 99 END, "
            "0, sent_time - start_time, end_time - start_time, flag FROM given");
    }
    void agent(std::string const& ip, Instant last_heard = now)
    {
        db->script(
            "INSERT INTO agent (ip, asset, os, version, starttime, hw_config, apps, last_heard) VALUES ('" +
            ip + "', '', '', '', '', '', '{}', " + std::to_string(last_heard.time_since_epoch().count()) +
            ")");
    }
    void key(std::string const& id, std::string const& role, std::optional<Instant> expires)
    {
        db->script(
            "INSERT INTO access_key (id, name, role, apps, ips, is_enabled, created, expires, token_hash) "
            "VALUES ('" +
            id + "', 'n', '" + role + "', '[]', '[]', 1, 0, " +
            (expires ? std::to_string(expires->time_since_epoch().count()) : "NULL") + ", '" +
            std::string(64, '0') + "')");
    }
    [[nodiscard]] bool reports(std::string const& text)
    {
        auto const all = diagnosis().reports;
        return std::any_of(
            all.begin(), all.end(), [&](auto const& line) { return line.find(text) != line.npos; });
    }
    void cron(std::string const& rule, std::int64_t settled)
    {
        db->script(
            "INSERT INTO cron_job (id, agent, type, rule, ins, is_on, created, by_key, misfire, overlap, "
            "jitter, settled) VALUES ('C1', '10.0.0.1', 'center', '" +
            rule + "', '{}', 1, 0, '', 'skip', 'skip', 0, " + std::to_string(settled) + ")");
    }
    /// Run R1 of three hosts: one is done, one failed, one has not started.
    void run()
    {
        task("1", "'NP', 'done', 0, 0, 1, 1");
        task("2", "'NP', 'failed', 0, 0, 1, 0");
        db->script(
            "UPDATE task_requests SET agent = '10.0.0.' || key;"
            "INSERT INTO run (id, state, why, spec, app, func, set_by, set_from, dedup, retry_of, hosts, "
            "max_fail, seed, wave, is_ending, create_time, begin_at, end_time) VALUES ('R1', 'partial', "
            "'', '{}', 'a', 'f', '', '', '', '', 3, 0, 0, 0, 0, 0, 0, 1);"
            "INSERT INTO run_host (run, place, ip, wave, task, state) VALUES "
            "('R1', 0, '10.0.0.1', 0, '0000000000000001', 'done'),"
            "('R1', 1, '10.0.0.2', 0, '0000000000000002', 'failed'),"
            "('R1', 2, '10.0.0.3', 1, NULL, 'not_started')");
    }
    [[nodiscard]] doctor::Diagnosis diagnosis(bool is_live = false)
    {
        doctor::Diagnosis all;
        for (auto const& check : doctor::builtin_checks())
            all.add(examine(*db, check, {now, Zone(), is_live}));
        return all;
    }
    [[nodiscard]] std::vector<std::string> wrong(bool is_live = false)
    {
        std::vector<std::string> names;
        for (auto const& finding : diagnosis(is_live).findings) names.push_back(finding.check);
        return names;
    }
};

using Names = std::vector<std::string>;

void erase_record(Db& db, TrailForm form, std::int64_t seq)
{
    tamper(db, form, [&](auto& records) {
        std::erase_if(records, [&](auto const& record) { return record.seq == seq; });
    });
}

} // namespace

TEST_CASE("in a healthy file the doctor finds nothing", "[doctor]")
{
    File file;
    auto const start = std::to_string(now.time_since_epoch().count());
    file.task("1", "'NP', 'done', " + start + ", " + start + ", " + start + ", 1");
    file.task("2", "'NP', 'running', " + start + ", " + start + ", NULL, NULL");
    file.cron("0 0 3 * * ?", now.time_since_epoch().count());
    auto const found = file.diagnosis(true);
    CHECK(found.findings.empty());
    CHECK(found.checked > 10);
    CHECK_THAT(found.reports, Catch::VectorContains(std::string(
                                  "unfinished tasks: 1 running; the oldest, 0000000000000002, for 0 s")));
}

TEST_CASE("each promise that a task log breaks has its name", "[doctor]")
{
    File file;
    SECTION("a final state without an end")
    {
        file.task("1", "'NP', 'failed', 0, 0, NULL, 0");
        CHECK(file.wrong() == Names{"tasklog.end"});
    }
    SECTION("an end without a final state")
    {
        file.task("1", "'NP', 'running', 0, 0, 1, NULL");
        CHECK(file.wrong() == Names{"tasklog.end"});
    }
    SECTION("an unknown state")
    {
        file.task("1", "'NP', 'perhaps', 0, 0, 1, NULL");
        CHECK(file.wrong() == Names{"tasklog.state"});
    }
    SECTION("at an agent, and never sent")
    {
        file.task("1", "'NP', 'sent', 0, NULL, NULL, NULL");
        CHECK(file.wrong() == Names{"tasklog.sent"});
    }
    SECTION("done, and its worker said no")
    {
        file.task("1", "'NP', 'done', 0, 0, 1, 0");
        CHECK(file.wrong() == Names{"tasklog.verdict"});
    }
    SECTION("failed, and its worker said yes")
    {
        file.task("1", "'NP', 'failed', 0, 0, 1, 1");
        file.db->script("UPDATE task_outcomes SET sync_flag = 1");
        CHECK(file.wrong() == Names{"tasklog.verdict"});
    }
    SECTION("a cancel to be told of what was not canceled")
    {
        file.task("1", "'NP', 'done', 0, 0, 1, 1");
        file.db->script("UPDATE task_outcomes SET cancel_due = 1");
        CHECK(file.wrong() == Names{"tasklog.cancel"});
    }
    SECTION("a delivery that nobody owes")
    {
        file.db->script("INSERT INTO deliveries (id, since) VALUES ('9', 0)");
        CHECK(file.wrong() == Names{"tasklog.owed"});
    }
    SECTION("a delivery that was forgotten")
    {
        file.task("1", "'P', 'done', 0, 0, 1, 1");
        CHECK(file.wrong() == Names{"tasklog.forgotten"});
    }
    SECTION("an open task that the next start would not find")
    {
        file.task("1", "'NP', 'running', 0, 0, NULL, NULL");
        file.db->script("UPDATE open_since SET key = 2");
        CHECK(file.wrong() == Names{"tasklog.open"});
        file.db->script("INSERT INTO open_before VALUES (1)");
        CHECK(file.wrong() == Names{});
    }
    SECTION("an outcome of no task")
    {
        file.task("1", "'NP', 'done', 0, 0, 1, 1");
        file.db->script("DELETE FROM task_requests");
        CHECK(file.wrong() == Names{"tasklog.outcome"});
    }
    SECTION("a task in the wrong block")
    {
        file.task("1", "'NP', 'done', 0, 0, 1, 1");
        file.db->script("UPDATE task_requests SET block = 7");
        CHECK(file.wrong() == Names{"tasklog.blocks"});
    }
    SECTION("output of no task")
    {
        file.db->script("INSERT INTO outputs (id, at, data) VALUES ('9', 0, 'x'), ('9', 1, 'y')");
        CHECK(file.wrong() == Names{"tasklog.output"});
    }
}

TEST_CASE("what only time makes wrong is found on a running server, and not in a backup", "[doctor]")
{
    File file;
    auto const yesterday = std::to_string((now - 24h).time_since_epoch().count());
    SECTION("a task that should have ended long ago")
    {
        file.task("1", "'NP', 'running', " + yesterday + ", " + yesterday + ", NULL, NULL");
        CHECK(file.wrong(true) == Names{"tasklog.stuck"});
    }
    SECTION("a firing that is due and not recorded")
    {
        file.cron("0 0 12 * * ?", (now - 24h).time_since_epoch().count());
        CHECK(file.wrong(true) == Names{"cron.due"});
    }
    CHECK(file.wrong(false) == Names{});
}

TEST_CASE("what is wrong with cron jobs and keys has its name too", "[doctor]")
{
    File file;
    SECTION("a job that waits for a time that a wrong clock set")
    {
        file.cron("0 0 12 * * ?", (now + 48h).time_since_epoch().count());
        CHECK(file.wrong() == Names{"cron.ahead"});
    }
    SECTION("a rule that is none")
    {
        file.cron("every day", now.time_since_epoch().count());
        CHECK(file.wrong() == Names{"cron.rule"});
    }
    SECTION("nobody left who may administer")
    {
        file.db->script(
            "INSERT INTO access_key (id, name, role, apps, ips, is_enabled, created, token_hash) VALUES "
            "('K', 'n', 'viewer', '[]', '[]', 1, 0, '" +
            std::string(64, '0') + "')");
        CHECK(file.wrong() == Names{"supervisor.admin"});
    }
}

TEST_CASE("a run whose states do not add up to its list is a finding", "[doctor]")
{
    File file;
    file.run();
    CHECK(file.wrong() == Names{});
    CHECK(file.reports("runs: 1 partial, of 3 hosts"));
    SECTION("a host is gone from the list")
    {
        file.db->script("DELETE FROM run_host WHERE place = 2");
        CHECK(file.wrong() == Names{"run.list"});
    }
    SECTION("a host has no state, though the run has ended")
    {
        file.db->script("UPDATE run_host SET state = NULL WHERE place = 2");
        CHECK(file.wrong() == Names{"run.sum"});
    }
    SECTION("a host has a final state, though the run has not ended")
    {
        file.db->script("UPDATE run SET state = 'running', end_time = NULL; UPDATE run_host SET state = NULL "
                        "WHERE place > 0");
        CHECK(file.wrong() == Names{"run.sum"});
    }
    SECTION("a host's state is not its task's")
    {
        file.db->script("UPDATE run_host SET state = 'timeout' WHERE place = 1");
        CHECK(file.wrong() == Names{"run.state"});
    }
    SECTION("a host without a task says that it ran")
    {
        file.db->script("UPDATE run_host SET state = 'failed' WHERE place = 2");
        CHECK(file.wrong() == Names{"run.state"});
    }
    SECTION("a run is done, and one of its hosts is not")
    {
        file.db->script("UPDATE run SET state = 'done'");
        CHECK(file.wrong() == Names{"run.done"});
    }
    SECTION("a run has ended without an end time")
    {
        file.db->script("UPDATE run SET end_time = NULL; UPDATE run_host SET state = NULL");
        CHECK(file.wrong() == Names{"run.ended"});
    }
}

TEST_CASE("a host that has more than its one task in a run is a finding", "[doctor]")
{
    File file;
    file.run();
    SECTION("it is in the list twice")
    {
        file.db->script("DROP INDEX run_host_once; UPDATE run_host SET ip = '10.0.0.2' WHERE place = 2");
        CHECK(file.wrong() == Names{"run.once"});
    }
    SECTION("its task is another host's")
    {
        file.db->script("UPDATE task_requests SET agent = '10.0.0.9' WHERE key = 2");
        CHECK(file.wrong() == Names{"run.task"});
    }
    SECTION("its task is gone before its run has ended")
    {
        file.db->script("UPDATE run SET state = 'running', end_time = NULL; UPDATE run_host SET state = NULL;"
                        "DELETE FROM task_requests WHERE key = 1; DELETE FROM task_outcomes WHERE key = 1");
        CHECK(file.wrong() == Names{"run.kept"});
    }
}

TEST_CASE("an agent of an address that no machine can have is a finding", "[doctor]")
{
    File file;
    for (auto const* const ip : {"10.0.0.1", "223.1.1.1", "240.0.0.1", "fd00::1", "22.4.0.1"}) file.agent(ip);
    CHECK(file.wrong() == Names{});
    file.agent(GENERATE("0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "239.1.2.3", "ff02::1"));
    CHECK(file.wrong() == Names{"heartbeat.address"});
}

TEST_CASE("an admin key that has expired administers nothing", "[doctor]")
{
    File file;
    file.key("K1", "admin", now - 1s);
    CHECK(file.wrong() == Names{"supervisor.admin"});
    file.key("K2", "admin", now + 1h);
    CHECK(file.wrong() == Names{});
}

TEST_CASE("keys that end soon, machines that are gone and jobs without a time are reported", "[doctor]")
{
    File file;
    file.key("ROOT", "admin", {});
    file.key("SOON", "agent", now + 24h);
    file.key("PAST", "agent", now - 24h);
    file.key("LATE", "agent", now + 240h);
    CHECK(file.reports("SOON (n): agent, expires at 2026-01-02 00:00:00 UTC"));
    CHECK(file.reports("PAST (n): agent, expired at 2025-12-31 00:00:00 UTC"));
    CHECK_FALSE(file.reports("LATE"));
    file.agent("10.0.0.1", now - 24h * 89);
    CHECK_FALSE(file.reports("elvesctl forget"));
    file.agent("10.0.0.2", now - 24h * 91);
    CHECK(file.reports("(elvesctl forget --unseen-for 90d): 1, the first of them 10.0.0.2"));
    file.cron("0 0 3 * * ?", now.time_since_epoch().count());
    CHECK_FALSE(file.reports("have no time left"));
    file.db->script("UPDATE cron_job SET rule = '0 0 3 * * ? 2025'");
    CHECK(file.reports("have no time left: C1 on 10.0.0.1"));
    CHECK(file.wrong() == Names{});
}

TEST_CASE("a gap in the audit trail is found wherever it is", "[doctor]")
{
    File file;
    auto const form = GENERATE(TrailForm::rows, TrailForm::page_for_each, TrailForm::rows_then_pages);
    for (int i = 0; i < 5; ++i) audit::append(*file.db, {});
    put_records(*file.db, all_records(*file.db), form);
    CHECK(audit::prune(*file.db, 1, 2) == 2);
    CHECK(file.wrong() == Names{});
    CHECK_THAT(file.diagnosis().reports,
        Catch::VectorContains(std::string("the audit trail: 3 rows, the oldest of 1970-01-01 00:00:00 UTC")));
    SECTION("in the middle") { erase_record(*file.db, form, 4); }
    SECTION("at the start") { erase_record(*file.db, form, 3); }
    CHECK(file.wrong() == Names{"audit.whole"});
}

TEST_CASE("of many findings the first are told, and how many more there are", "[doctor]")
{
    File file;
    for (int i = 0; i < 25; ++i) file.task(std::to_string(i), "'NP', 'failed', 0, 0, NULL, 0");
    auto const found = file.diagnosis().findings;
    REQUIRE(found.size() == 11);
    CHECK(found.back().what == "and 15 more");
}

TEST_CASE("a module that never had tables in the file is not asked after", "[doctor]")
{
    auto const db = open_in_memory();
    for (auto const& check : doctor::builtin_checks()) {
        if (check.module == "store") continue;
        CHECK(examine(*db, check, {now, Zone(), true}).checked == 0);
    }
}

TEST_CASE("a checks.sql that is not whole is refused by module and check", "[doctor]")
{
    CHECK_THROWS_WITH(
        doctor::parse_checks("m", "SELECT 1;\n"), Contains("module m") && Contains("before a check"));
    CHECK_THROWS_WITH(doctor::parse_checks("m", "-- check a: b\nSELECT 1;\n"), Contains("a has no"));
    CHECK_THROWS_WITH(doctor::parse_checks("m", "-- check a: b\n-- advice: c\n"), Contains("a asks nothing"));
    CHECK_THROWS_WITH(
        doctor::parse_checks("m", "-- check a\n-- advice: c\nSELECT 1;\n"), Contains("NAME: text"));
    auto const checks = doctor::parse_checks("m", "-- head\n\n-- report a: b\nSELECT\n1;\n\n");
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].kind == doctor::Check::Kind::report);
    CHECK(checks[0].sql == "SELECT\n1;\n\n");
}

TEST_CASE("a file that is not an elvesd's is never called well", "[doctor]")
{
    TempFolder const folder;
    auto const path = folder.file("elves.db");
    auto const found = [&] {
        auto const diagnosis = doctor::examine_file(path, {now, Zone()});
        REQUIRE(diagnosis.findings.size() == 1);
        return diagnosis.findings.front().check + ": " + diagnosis.findings.front().what;
    };
    CHECK_THROWS(doctor::examine_file(path, {now, Zone()}));
    folder.write("elves.db", "");
    CHECK(found() == "store.file: " + path + " is not a data file of elvesd: it is empty");
    folder.write("elves.db", "a love letter");
    CHECK(found() == "store.file: " + path +
                         " is not a data file of elvesd: it is not a database, or its first page is damaged");
    std::filesystem::remove(path);
    make_or_check_file(path);
    open_db(path, Access::read_write)->script("CREATE TABLE songs (name TEXT); DROP TABLE songs");
    CHECK(found().ends_with("it has no tables"));
    open_db(path, Access::read_write)->script("CREATE TABLE songs (name TEXT)");
    CHECK(found().ends_with("it has tables of another program"));
    std::filesystem::remove(path);
    make_or_check_file(path);
    migrate(*open_db(path, Access::read_write), {{"agent", "-- migration 1: a\nCREATE TABLE a (n);\n"}});
    CHECK(found().ends_with("it is the journal of an elves-agent"));
}

TEST_CASE("a file of a newer program is named as that", "[doctor]")
{
    TempFolder const folder;
    auto const path = folder.file("elves.db");
    make_or_check_file(path);
    migrate(*open_db(path, Access::read_write), {{"cron", cron_schema}});
    CHECK(doctor::examine_file(path, {now, Zone()}).findings.empty());
    open_db(path, Access::read_write)->script("UPDATE module_version SET version = 99");
    auto const diagnosis = doctor::examine_file(path, {now, Zone()});
    REQUIRE(diagnosis.findings.size() == 1);
    CHECK(diagnosis.findings.front().check == "store.version");
    CHECK_THAT(diagnosis.findings.front().what, Contains("module cron has version 99"));
}
