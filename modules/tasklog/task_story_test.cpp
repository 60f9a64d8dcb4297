#include "tasklog/task_story.hpp"

#include "catch.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Instant at(std::chrono::milliseconds since) { return Instant(1'767'225'600'000ms) + since; }

task_records::Row sent_row()
{
    task_records::Row row;
    auto& task = row.task;
    task.id = TaskId(1);
    task.agent = Ip::parse("10.0.0.1").value();
    task.ins.app = "nginx";
    task.ins.func = "reload";
    task.ins.timeout = 90s;
    task.by = "K1";
    task.from = "192.0.2.7";
    task.start = at(0ms);
    task.sent = at(2ms);
    return row;
}

std::vector<std::string> told(task_records::Row const& row, task_records::OutputTimes const& output = {})
{
    std::vector<std::string> lines;
    for (auto const& line : task_story(row, output, Zone()))
        lines.push_back(std::to_string((line.at - at(0ms)).count()) + " " + line.what);
    return lines;
}

using Lines = std::vector<std::string>;
auto const asked = "0 asked for by key K1 from 192.0.2.7, and written to disk: nginx.reload on 10.0.0.1 "
                   "(async, timeout 90 s)";

} // namespace

TEST_CASE("the file that a task names is told", "[task_story]")
{
    auto row = sent_row();
    row.task.ins.proxy = "sh|tools/wipe.sh";
    CHECK(told(row).front() == std::string(asked) + "; file sh|tools/wipe.sh");
}

TEST_CASE("a task that went well is told from the asking to the processor", "[task_story]")
{
    auto row = sent_row();
    auto& task = row.task;
    task.taken = at(5ms);
    task.sync_flag = true;
    task.sync_costtime = 3ms;
    task.report = WorkerReport{1, "ok", 40ms, at(50ms), "", 0, false};
    task.reported = at(55ms);
    task.end = at(55ms);
    task.status = TaskStatus::done;
    row.module.sync_flag = "true";
    row.module.tries = 2;
    row.module.first_try = at(60ms);
    row.module.last_try = at(1'060ms);
    row.module.callback_time = at(1'070ms);
    row.module.processor_message = "put away";
    CHECK(told(row, {at(20ms), at(45ms), 12}) ==
          Lines{asked, "2 handed to the agent's connection", "5 the agent said that it took it",
              "20 first output", "45 last output, 12 bytes in all",
              "55 the worker was through at 2026-01-01 00:00:00 by the agent's clock: flag 1 after 40 ms, "
              "exit code 0",
              "55 its result came, and was confirmed once on disk", "55 final state: done",
              "60 first try to deliver it to the processor", "1060 delivered to the processor, 2 tries",
              "1070 the processor said: put away"});
}

TEST_CASE("of a task whose agent was silent and never came back, the reasons are told", "[task_story]")
{
    auto row = sent_row();
    row.task.sync_flag = false;
    row.task.sync_error = "[410.2] agent 10.0.0.1 did not say that it took it";
    row.task.sync_costtime = 10s;
    CHECK(told(row) ==
          Lines{asked, "2 handed to the agent's connection",
              "10002 the agent has not taken it: [410.2] agent 10.0.0.1 did not say that it took it"});
    row.task.sync_error = "the agent did not come back";
    row.task.status = TaskStatus::lost;
    row.task.end = at(150s);
    CHECK(told(row).back() == "150000 final state: lost: the agent did not come back");
}

TEST_CASE("a firing that did not start is told with its job, its time and why", "[task_story]")
{
    auto row = sent_row();
    row.task.sent.reset();
    row.task.by.clear();
    row.task.from = "cron";
    row.task.type = TaskType::cron;
    row.task.cron_id = TaskId(0xAB);
    row.task.fire_time = at(-1s);
    row.task.status = TaskStatus::skipped;
    row.task.end = at(0ms);
    row.task.sync_error = "skipped: its last run is still going on";
    CHECK(told(row) == Lines{"0 asked for by its rule, and written to disk: nginx.reload on 10.0.0.1 "
                             "(cron, timeout 90 s); cron job 00000000000000AB, due at 2025-12-31 23:59:59",
                           "0 final state: skipped: skipped: its last run is still going on"});
}
