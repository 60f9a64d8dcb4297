// Data files of every earlier version of the task log's tables are brought into the newest form, and lose
// nothing.
#include <map>

#include "catch.hpp"
#include "elves/task.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/row_move.hpp"
#include "tasklog/task_records.hpp"
#include "tasklog_schema.hpp"

using namespace elves;

namespace {

constexpr int first_of_new_form = 8;

/// The schema as it was at that version.
std::string schema_of(int version)
{
    std::string const schema(tasklog_schema);
    return schema.substr(0, schema.find("-- migration " + std::to_string(version + 1) + ":"));
}

struct OldFile {
    std::unique_ptr<Db> db = open_in_memory();
    int version;

    explicit OldFile(int version_) : version(version_) { migrate(*db, {{"tasklog", schema_of(version)}}); }

    /// `more`: columns and their values, in SQL.
    void task(std::string const& id, std::string const& status, std::map<std::string, std::string> more = {})
    {
        std::map<std::string, std::string> values{{"id", "'" + id + "'"}, {"agent", "'10.0.0.1'"},
            {"type", "'async'"}, {"mode", "'NP'"}, {"app", "'app'"}, {"func", "'func'"}, {"param", "'{}'"},
            {"timeout", "90"}, {"proxy", "''"}, {"ttl", "0"}, {"status", "'" + status + "'"},
            {"asked_by", "''"}, {"asked_from", "'127.0.0.1:5'"}, {"start_time", "1767225600000"},
            {"sync_error", "''"}, {"cancel_due", "0"}};
        for (auto& [name, value] : more) values[name] = value;
        std::string names, given;
        for (auto const& [name, value] : values) {
            names += (names.empty() ? "" : ", ") + name;
            given += (given.empty() ? "" : ", ") + value;
        }
        db->script("INSERT INTO tasks (" + names + ") VALUES (" + given + ")");
    }
    [[nodiscard]] task_records::Row row(std::uint64_t id)
    {
        return task_records::find(*db, TaskId(id)).value();
    }
    std::int64_t number(std::string const& sql)
    {
        auto found = db->run(sql);
        return found.next() ? found.number(0) : -1;
    }
    void fill();
};

auto const start = Instant(std::chrono::milliseconds(1'767'225'600'000));

void OldFile::fill()
{
    using namespace std::string_literals;
    task("FEDCBA9876543210", "done",
        {{"sent_time", "1767225600001"}, {"end_time", "1767225600009"}, {"sync_flag", "1"},
            {"sync_costtime", "3"}, {"callback_time", "1767225600008"}, {"worker_flag", "1"},
            {"worker_result", "'fine \u2713'"}, {"worker_costtime", "7"}, {"stderr", "'warning'"},
            {"exit_code", "0"}, {"truncated", "1"}, {"asked_by", "'0123456789ABCDEF'"}, {"proxy", "'a.py'"},
            {"dedup", "'once'"}, {"ttl", "60"}});
    task("0000000000000011", "failed",
        {{"mode", "'P'"}, {"type", "'rt'"}, {"end_time", "1767225600000"}, {"worker_flag", "0"},
            {"worker_result", "''"}, {"worker_costtime", "0"}, {"stderr", "''"}, {"truncated", "0"},
            {"module_sync_flag", "'false'"}, {"module_sync_error", "'[408.1] gone'"},
            {"module_sync_costtime", "12"}, {"module_callback_time", "1767225700000"},
            {"processor_message", "'put away'"}, {"processor_costtime", "4"}});
    db->script("INSERT INTO deliveries VALUES ('0000000000000011', 1767225600001)");
    task("0000000000000012", "waiting");
    task("0000000000000013", "running", {{"sent_time", "1767225599000"}, {"sync_flag", "1"}});
    task("0000000000000014", "canceled", {{"end_time", "1767225600100"}, {"cancel_due", "1"}});
    task("0000000000000015", "skipped",
        {{"type", "'cron'"}, {"cron_id", "'00000000000000C1'"}, {"fire_time", "1767225600000"},
            {"end_time", "1767225600000"}, {"sync_error", "'skipped: paused'"}, {"sync_flag", "0"}});
    task("0000000000000016", "lost",
        {{"type", "'cron'"}, {"cron_id", "'00000000000000C1'"}, {"fire_time", "1767225600000"},
            {"end_time", "1767225600000"}});
    if (version >= 2)
        db->script(
            "UPDATE tasks SET taken_time = 1767225600002, reported_time = 1767225600010, module_first_time = "
            "1767225650000, module_last_time = 1767225660000, module_tries = 3 WHERE status IN ('done', "
            "'failed')");
    if (version >= 5)
        db->script("UPDATE tasks SET firings = 4, last_fire_time = 1767225900000 WHERE status = 'skipped'");
    db->script("INSERT INTO outputs (id, at, data) VALUES ('FEDCBA9876543210', 0, 'printed')");
}

} // namespace

TEST_CASE(
    "a data file of each earlier version is brought into the new form, and loses nothing", "[migrations]")
{
    auto const version = GENERATE(range(1, first_of_new_form));
    CAPTURE(version);
    OldFile file(version);
    file.fill();
    migrate(*file.db, {{"tasklog", tasklog_schema}});
    CHECK(file.number("SELECT count(*) FROM tasks") == 7);
    CHECK(file.number(
              "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%before_8' OR name = 'module_move'") == 0);

    auto const done = file.row(0xFEDC'BA98'7654'3210).task;
    CHECK(done.id == TaskId(0xFEDC'BA98'7654'3210));
    CHECK(done.agent.text() == "10.0.0.1");
    CHECK(done.type == TaskType::async);
    CHECK(done.status == TaskStatus::done);
    CHECK(done.ins.mode == Mode::np);
    CHECK(done.ins.name() == "app.func");
    CHECK(done.ins.param == "{}");
    CHECK(done.ins.proxy == "a.py");
    CHECK(done.ins.dedup == "once");
    CHECK(done.ins.timeout == std::chrono::seconds(90));
    CHECK(done.ins.ttl == std::chrono::seconds(60));
    CHECK(done.by == "0123456789ABCDEF");
    CHECK(done.from == "127.0.0.1:5");
    CHECK(done.start == start);
    CHECK(done.sent == start + std::chrono::milliseconds(1));
    CHECK(done.end == start + std::chrono::milliseconds(9));
    CHECK(done.sync_flag == true);
    CHECK(done.sync_costtime == std::chrono::milliseconds(3));
    REQUIRE(done.report);
    CHECK(done.report->flag == 1);
    CHECK(done.report->result == "fine \u2713");
    CHECK(done.report->costtime == std::chrono::milliseconds(7));
    CHECK(done.report->callback_time == start + std::chrono::milliseconds(8));
    CHECK(done.report->stderr_text == "warning");
    CHECK(done.report->exit_code == 0);
    CHECK(done.report->truncated);
    CHECK(done.taken.has_value() == (version >= 2));
    if (version >= 2) CHECK(done.reported == start + std::chrono::milliseconds(10));

    auto const failed = file.row(0x11);
    CHECK(failed.task.type == TaskType::rt);
    CHECK(failed.task.ins.mode == Mode::p);
    CHECK(failed.module.sync_flag == "false");
    CHECK(failed.module.sync_error == "[408.1] gone");
    CHECK(failed.module.sync_costtime == 12);
    CHECK(failed.module.callback_time == Instant(std::chrono::milliseconds(1'767'225'700'000)));
    CHECK(failed.module.processor_message == "put away");
    CHECK(failed.module.processor_costtime == 4);
    CHECK(failed.module.tries == (version >= 2 ? 3 : 0));
    auto const owed = task_records::deliveries(*file.db);
    REQUIRE(owed.size() == 1);
    CHECK(owed[0].app == "app");

    auto const skipped = file.row(0x15).task;
    CHECK(skipped.cron_id == TaskId(0xC1));
    CHECK(skipped.fire_time == start);
    CHECK(skipped.sync_error == "skipped: paused");
    CHECK(skipped.firings == (version >= 5 ? 4 : 1));
    CHECK(skipped.last_fire_time.has_value() == (version >= 5));
    CHECK(task_records::last_run(*file.db, TaskId(0xC1))->status == TaskStatus::lost);
    CHECK(task_records::output_size(*file.db, TaskId(0xFEDC'BA98'7654'3210), OutputStream::output) == 7);
}

TEST_CASE("what was open in an old file is open in the new form", "[migrations]")
{
    OldFile file(GENERATE(range(1, first_of_new_form)));
    file.fill();
    migrate(*file.db, {{"tasklog", tasklog_schema}});
    std::vector<TaskId> open;
    for (auto const& each : task_records::open(*file.db)) open.push_back(each.task.id);
    CHECK(open == std::vector{TaskId(0x12), TaskId(0x13), TaskId(0x14)});
    CHECK(file.number("SELECT count(*) FROM open_tasks") == 3);
    CHECK(file.row(0x13).task.sent == start - std::chrono::seconds(1));
    // A new task goes behind the old ones, and a dedup of theirs is still theirs.
    auto again = file.row(0xFEDC'BA98'7654'3210).task;
    again.id = TaskId(0x0B00'0000'0000'0000);
    again.key = 0;
    CHECK(task_records::find_twin(*file.db, again)->id == TaskId(0xFEDC'BA98'7654'3210));
    again.ins.dedup = "";
    task_records::insert(*file.db, again);
    std::vector<TaskId> listed;
    task_records::list(*file.db, {}, 2, [&](task_records::Row const& row) {
        listed.push_back(row.task.id);
        return true;
    });
    CHECK(listed == std::vector{again.id, TaskId(0x16)});
}

TEST_CASE("old tasks are found by their agent, in blocks of 1,024", "[migrations]")
{
    OldFile file(first_of_new_form - 1);
    file.db->script("BEGIN");
    for (int i = 1; i <= 3'000; ++i) {
        std::string id = "000" + std::to_string(1'000'000'000'000 + i);
        file.task(id, "done",
            {{"end_time", "1767225600001"}, {"agent", i % 1'000 == 0 ? "'10.0.0.2'" : "'10.0.0.1'"}});
    }
    file.db->script("COMMIT");
    migrate(*file.db, {{"tasklog", tasklog_schema}});
    CHECK(file.number("SELECT count(*) FROM task_blocks") == 3);
    CHECK(file.number("SELECT key FROM open_since") == 3'001);
    task_records::Filter filter;
    filter.agent = Ip::parse("10.0.0.2").value();
    std::vector<std::int64_t> keys;
    task_records::list(*file.db, filter, 10, [&](task_records::Row const& row) {
        keys.push_back(row.key);
        return true;
    });
    CHECK(keys == std::vector<std::int64_t>{3'000, 2'000, 1'000});
}

TEST_CASE("a word that no version knows stays impossible in the new form", "[migrations]")
{
    OldFile file(first_of_new_form - 1);
    file.task("0000000000000011", "perhaps");
    migrate(*file.db, {{"tasklog", tasklog_schema}});
    CHECK_THROWS_WITH(task_records::find(*file.db, TaskId(0x11)), Catch::Contains("impossible status"));
}
