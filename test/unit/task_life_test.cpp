#include "elves/task_life.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace elves;
using namespace elves::life;
using namespace std::chrono_literals;

namespace {

Instant const noon{std::chrono::seconds(1'767'268'800)};

using S = TaskStatus;
std::array const final_statuses{
    S::done, S::failed, S::timeout, S::canceled, S::expired, S::undelivered, S::skipped, S::lost};

WorkerReport report(int flag, std::string result = "said", std::chrono::milliseconds costtime = 12ms)
{
    WorkerReport said;
    said.flag = flag;
    said.result = std::move(result);
    said.costtime = costtime;
    return said;
}

Task task(S status, TaskType type = TaskType::async)
{
    Task made;
    made.id = TaskId::parse("A49B1E8FA1B43BC5").value();
    made.type = type;
    made.status = status;
    made.start = noon;
    made.ins.timeout = 90s;
    made.ins.ttl = 60s;
    if (status != S::waiting) made.sent = noon;
    if (is_final(status)) made.end = noon + 1s;
    return made;
}

struct Named {
    char const* name;
    Event event;
};

/// Every event there is, in the order of `Event`; results of each kind.
std::vector<Named> all_events()
{
    return {{"HandedOver", HandedOver{}}, {"AgentOffline", AgentOffline{"[410.1] gone"}},
        {"NeverStarted", NeverStarted{"[410.4] too late"}}, {"Taken", Taken{5ms}},
        {"Refused", Refused{"[401.6] denied", 5ms}}, {"AgentBusy", AgentBusy{"[429.1] full", 5ms}},
        {"HandoverTimedOut", HandoverTimedOut{"[410.2] silent", 10s}}, {"Reported true", Reported{report(1)}},
        {"Reported false", Reported{report(0)}}, {"Reported -1", Reported{report(-1)}},
        {"SyncTimedOut", SyncTimedOut{}}, {"StartTimedOut", StartTimedOut{}}, {"Cancel", Cancel{}},
        {"CancelAcknowledged", CancelAcknowledged{}}, {"ReportedRunning", ReportedRunning{}},
        {"TaskUnknownToAgent", TaskUnknownToAgent{}},
        {"AgentUnreachable", AgentUnreachable{"did not come back"}}};
}

/// What becomes of an open `async` task whose ttl has not passed: a column for each of `all_events()`.
struct Row {
    S from;
    std::vector<S> to;
};
std::vector<Row> const async_table{
    {S::waiting,
        {S::sent, S::waiting, S::waiting, S::waiting, S::waiting, S::waiting, S::waiting, S::done, S::failed,
            S::failed, S::waiting, S::expired, S::canceled, S::waiting, S::waiting, S::waiting, S::waiting}},
    {S::sent,
        {S::sent, S::waiting, S::waiting, S::running, S::failed, S::waiting, S::sent, S::done, S::failed,
            S::failed, S::sent, S::sent, S::canceled, S::sent, S::running, S::lost, S::lost}},
    {S::running,
        {S::running, S::running, S::waiting, S::running, S::failed, S::failed, S::running, S::done, S::failed,
            S::failed, S::running, S::running, S::canceled, S::running, S::running, S::lost, S::lost}},
};

/// Where the task of a `sendsync` goes elsewhere: its result is the first that is heard of it, and a caller
/// waits.
S rt_status(S from, Event const& event, S async_to)
{
    if (std::holds_alternative<SyncTimedOut>(event)) return from == S::waiting ? S::expired : S::timeout;
    bool const says_running =
        std::holds_alternative<Taken>(event) || std::holds_alternative<ReportedRunning>(event);
    return says_running ? from : async_to;
}

/// With a minute left to start, and lost_after of a minute.
Decision decide(Task const& task, Event const& event, Instant now)
{
    return life::decide(task, event, {now, 60s, 60s});
}

/// When it may no longer be handed over.
Decision decide_late(Task const& task, Event const& event)
{
    return life::decide(task, event, {noon + 1h, 60s, 0ms});
}

} // namespace

TEST_CASE("every event does to an open task what the table says", "[life]")
{
    auto const events = all_events();
    for (auto const& row : async_table) {
        REQUIRE(row.to.size() == events.size());
        for (std::size_t i = 0; i < events.size(); ++i) {
            for (auto const type : {TaskType::async, TaskType::cron, TaskType::rt}) {
                INFO(type_text(type) << ", " << status_text(row.from) << ", " << events[i].name);
                auto const expected =
                    type == TaskType::rt ? rt_status(row.from, events[i].event, row.to[i]) : row.to[i];
                auto const decision = decide(task(row.from, type), events[i].event, noon + 3s);
                CHECK(status_text(decision.task.status) == status_text(expected));
                CHECK(decision.finished == is_final(expected));
                CHECK(decision.task.end.has_value() == is_final(expected));
                if (decision.finished) CHECK(*decision.task.end == noon + 3s);
                if (decision.task.status != row.from) CHECK(decision.changed);
            }
        }
    }
}

TEST_CASE("no event moves a final state, or its time", "[life]")
{
    for (auto const from : final_statuses) {
        for (auto const& [name, event] : all_events()) {
            INFO(status_text(from) << ", " << name);
            auto const decision = decide(task(from), event, noon + 1h);
            CHECK(decision.task.status == from);
            CHECK(decision.task.end == noon + 1s);
            CHECK_FALSE(decision.finished);
        }
    }
}

TEST_CASE(
    "a result fills what is empty in a task that is over, once, and a second one changes nothing", "[life]")
{
    for (auto const from : final_statuses) {
        INFO(status_text(from));
        if (from == S::skipped) continue; // Nothing ran: there is none to come.
        auto const late = decide(task(from), Reported{report(1, "late")}, noon + 1h);
        CHECK(late.changed);
        REQUIRE(late.task.report);
        CHECK(late.task.report->result == "late");
        CHECK(late.task.report->callback_time == noon + 1h);
        auto const doubled = decide(late.task, Reported{report(0, "again")}, noon + 2h);
        CHECK_FALSE(doubled.changed);
        CHECK(doubled.task.report->result == "late");
        CHECK(doubled.task.report->flag == 1);
    }
}

TEST_CASE("the agent's own time of a result stands", "[life]")
{
    auto said = report(1);
    said.callback_time = noon + 2s;
    CHECK(decide(task(S::running), Reported{said}, noon + 9s).task.report->callback_time == noon + 2s);
}

TEST_CASE(
    "a result without a verdict after all of the task's time is a timeout, before it a failure", "[life]")
{
    auto const verdict = [](int flag, std::chrono::milliseconds costtime) {
        return decide(task(S::running), Reported{report(flag, "", costtime)}, noon + 100s).task.status;
    };
    CHECK(verdict(-1, 89'999ms) == S::failed);
    CHECK(verdict(-1, 90s) == S::timeout);
    CHECK(verdict(0, 90s) == S::failed);
    CHECK(verdict(1, 91s) == S::done);
    auto endless = task(S::running);
    endless.ins.timeout = 0s;
    CHECK(decide(endless, Reported{report(-1, "", 90s)}, noon + 100s).task.status == S::failed);
}

TEST_CASE("a result proves that the agent had the task, whatever was thought when it was silent", "[life]")
{
    auto const silent = decide(task(S::sent), HandoverTimedOut{"[410.2] silent", 10s}, noon + 10s);
    CHECK(silent.task.sync_flag == false);
    CHECK(silent.task.sync_error == "[410.2] silent");
    CHECK(silent.task.sync_costtime == 10s);
    auto const done = decide(silent.task, Reported{report(1)}, noon + 20s);
    CHECK(done.task.sync_flag == true);
    CHECK(done.task.sync_error.empty());
    auto const runs = decide(silent.task, ReportedRunning{}, noon + 20s);
    CHECK(runs.changed);
    CHECK(runs.task.sync_flag == true);
    CHECK(runs.task.sync_error.empty());
}

TEST_CASE("taken is noted also where a quick worker's result came first", "[life]")
{
    auto const done = decide(task(S::sent), Reported{report(1)}, noon + 1s);
    auto const taken = decide(done.task, Taken{7ms}, noon + 2s);
    CHECK(taken.changed);
    CHECK(taken.task.status == S::done);
    CHECK(taken.task.sync_costtime == 7ms);
    CHECK_FALSE(decide(taken.task, Taken{9ms}, noon + 3s).changed);
}

TEST_CASE("a cancel is owed to an agent that may have the task, and to none else", "[life]")
{
    CHECK_FALSE(decide(task(S::waiting), Cancel{}, noon).task.cancel_due);
    for (auto const from : {S::sent, S::running}) {
        auto const canceled = decide(task(from), Cancel{}, noon);
        CHECK(canceled.task.cancel_due);
        // Whatever shows that it is settled there settles it here.
        for (Event const& settles :
            {Event(CancelAcknowledged{}), Event(TaskUnknownToAgent{}), Event(Reported{report(-1)})}) {
            auto const settled = decide(canceled.task, settles, noon + 1s);
            CHECK(settled.changed);
            CHECK_FALSE(settled.task.cancel_due);
            CHECK(settled.task.status == S::canceled);
        }
        CHECK(decide(canceled.task, ReportedRunning{}, noon + 1s).task.cancel_due);
        // One that is away may have it in its hands: it is told when it is back, for a day.
        CHECK_FALSE(decide(canceled.task, AgentUnreachable{"gone"}, noon + 24h - 1ms).changed);
        CHECK_FALSE(decide(canceled.task, AgentUnreachable{"gone"}, noon + 24h).task.cancel_due);
    }
    for (auto const from : final_statuses) CHECK_FALSE(decide(task(from), Cancel{}, noon).changed);
}

TEST_CASE("a report that comes twice changes nothing in the record of a firing that was skipped", "[life]")
{
    CHECK_FALSE(decide(task(S::skipped), Reported{report(-1)}, noon).changed);
}

TEST_CASE("why a task was not run stands in it", "[life]")
{
    CHECK(decide(task(S::waiting), StartTimedOut{}, noon).task.sync_error ==
          "[410.1] the agent did not come within the ttl of 60 s");
    CHECK(decide_late(task(S::sent), AgentOffline{"[410.1] off"}).task.sync_error == "[410.1] off");
    CHECK(decide(task(S::sent), Refused{"[429.1] full", 4ms}, noon).task.sync_error == "[429.1] full");
    CHECK(decide(task(S::running), AgentUnreachable{"away"}, noon).task.sync_error == "away");
    CHECK_FALSE(decide(task(S::running), TaskUnknownToAgent{}, noon).task.sync_error.empty());
}

TEST_CASE(
    "whatever happens in whatever order, a task ends once, and moves back only where it was not started",
    "[life]")
{
    auto const seed = GENERATE(range(1u, 41u));
    std::minstd_rand random(seed);
    auto const events = all_events();
    std::uniform_int_distribution<std::size_t> pick(0, events.size() - 1);
    for (int round = 0; round < 250; ++round) {
        auto const type = static_cast<TaskType>(random() % 3);
        auto current = task(random() % 2 ? S::waiting : S::sent, type);
        std::string story = "seed " + std::to_string(seed) + ":";
        int finishes = 0;
        for (int step = 0; step < 20; ++step) {
            auto const& [name, event] = events[pick(random)];
            story += std::string(" ") + name + ",";
            auto const now = noon + std::chrono::seconds(step);
            auto const next = decide(current, event, now);
            INFO(story);
            finishes += next.finished;
            bool const may_move_back = std::holds_alternative<AgentOffline>(event) ||
                                       std::holds_alternative<NeverStarted>(event) ||
                                       std::holds_alternative<AgentBusy>(event);
            bool const is_behind = next.task.status < current.status;
            bool const moved_back = is_behind && !(may_move_back && next.task.status == S::waiting);
            bool const left_final = is_final(current.status) && next.task.status != current.status;
            bool const report_changed = current.report && next.task.report->result != current.report->result;
            bool const end_wrong = next.task.end.has_value() != is_final(next.task.status);
            bool const owed_wrong = next.task.cancel_due && next.task.status != S::canceled;
            bool const done_unsaid = next.task.status == S::done && !next.task.report;
            bool const moved_unsaid = next.task.status != current.status && !next.changed;
            // One check for all: a check each would be a million.
            if (moved_back || left_final || report_changed || end_wrong || owed_wrong || done_unsaid ||
                moved_unsaid) {
                FAIL("after the last of these");
            }
            current = next.task;
        }
        if (finishes != (is_final(current.status) ? 1 : 0)) FAIL(story << " ended " << finishes << " times");
    }
}

TEST_CASE(
    "a task that was handed over and never started waits again, or is undelivered once it may not", "[life]")
{
    for (auto const from : {S::sent, S::running}) {
        auto const again = decide(task(from), NeverStarted{"[410.4] too late"}, noon + 3s);
        CHECK(again.changed);
        CHECK(again.task.status == S::waiting);
        CHECK_FALSE(again.task.sent);
        CHECK_FALSE(again.task.sync_flag);
        auto const over = decide_late(task(from), NeverStarted{"[410.4] too late"});
        CHECK(over.task.status == S::undelivered);
        CHECK(over.task.sync_error == "[410.4] too late");
    }
    auto const sent = task(S::sent);
    CHECK(decide_late(sent, AgentOffline{"[410.1] off"}).task.status == S::undelivered);
    auto without_ttl = task(S::sent);
    without_ttl.ins.ttl = 0s;
    CHECK(decide(without_ttl, AgentOffline{"[410.1] off"}, noon).task.status == S::undelivered);
    CHECK(decide(without_ttl, NeverStarted{"[410.1] unknown"}, noon).task.status == S::waiting);
    CHECK(decide(without_ttl, AgentBusy{"[429.1] full", 1ms}, noon).task.status == S::failed);
}

TEST_CASE("that an earlier hand-over did not start says nothing of a later one", "[life]")
{
    auto const first = decide(task(S::waiting), HandedOver{}, noon).task;
    auto const again = decide(first, NeverStarted{"[410.4] too late", first.handover}, noon).task;
    CHECK(again.status == S::waiting);
    auto const second = decide(again, HandedOver{}, noon).task;
    CHECK(second.handover != first.handover);
    CHECK_FALSE(decide(second, NeverStarted{"[410.4] too late", first.handover}, noon).changed);
}

TEST_CASE("what is known of an earlier hand-over decides nothing about a later one", "[life]")
{
    auto const first = decide(task(S::waiting), HandedOver{}, noon).task;
    auto const again = decide(first, NeverStarted{"[410.1] unknown", first.handover}, noon).task;
    auto const second = decide(again, HandedOver{}, noon).task;
    auto const canceled = decide(second, Cancel{}, noon).task;
    auto const told = [](std::uint32_t handover) {
        return std::vector<Event>{AgentOffline{"[410.1] off", handover}, NeverStarted{"[410.1] no", handover},
            Taken{5ms, false, handover}, Refused{"[401.6] denied", 5ms, handover},
            AgentBusy{"[507.1] full", 5ms, handover}, HandoverTimedOut{"[410.2] silent", 10s, handover},
            ReportedRunning{true, handover}, TaskUnknownToAgent{handover},
            AgentUnreachable{"[410.2] silent", handover}};
    };
    for (auto const& event : told(first.handover)) {
        INFO("event " << event.index());
        CHECK_FALSE(decide(second, event, noon).changed);
        CHECK(decide(second, event, noon).task.status == S::sent);
        // The agent may have got it the second time: the cancel is still due.
        CHECK(decide(canceled, event, noon + 25h).task.cancel_due);
    }
    for (auto const& event : told(second.handover)) {
        INFO("event " << event.index());
        CHECK(decide(second, event, noon).changed);
    }
}

TEST_CASE("a result that says it was not started is none, unless the task has ended", "[life]")
{
    auto said = report(-1, "[410.4] too late");
    said.not_started = true;
    CHECK_FALSE(decide(task(S::running), Reported{said}, noon).changed);
    auto const canceled = decide(task(S::canceled), Reported{said}, noon);
    CHECK(canceled.task.status == S::canceled);
    CHECK(canceled.task.report);
}

TEST_CASE("waiting in vain ends a task as expired with a ttl, and as undelivered without", "[life]")
{
    auto waiting = task(S::waiting);
    CHECK(decide_late(waiting, StartTimedOut{}).task.status == S::expired);
    waiting.ins.ttl = 0s;
    CHECK(decide_late(waiting, StartTimedOut{}).task.status == S::undelivered);
}

TEST_CASE("a task that a cap held back to its end says so, and is expired only with a ttl", "[life]")
{
    auto held_back = decide(task(S::waiting), HeldBack{"[423.1] cap c: full"}, noon).task;
    auto const expired = decide_late(held_back, StartTimedOut{}).task;
    CHECK(expired.status == S::expired);
    CHECK(expired.sync_error == "[423.1] cap c: full; its ttl of 60 s was over before that changed");
    held_back.ins.ttl = 0s;
    auto const undelivered = decide_late(held_back, StartTimedOut{}).task;
    CHECK(undelivered.status == S::undelivered);
    CHECK(undelivered.sync_error == "[423.1] cap c: full; that did not change in time");
}

TEST_CASE(
    "an agent may start a task until the server would give it up, or tell its caller of a timeout", "[life]")
{
    CHECK(decide(task(S::waiting), HandedOver{}, noon + 5s).task.start_by == noon + 5s + 90s + 60s);
    CHECK(decide(task(S::waiting, TaskType::rt), HandedOver{}, noon + 5s).task.start_by == noon + 90s);
    CHECK(start_span(task(S::waiting), 60s) == 60s);
    auto no_ttl = task(S::waiting);
    no_ttl.ins.ttl = 0s;
    CHECK(start_span(no_ttl, 60s) == 150s);
    no_ttl.type = TaskType::rt;
    CHECK(start_span(no_ttl, 60s) == 90s);
}

TEST_CASE("what is due about a task follows from its state and its deadlines alone", "[life]")
{
    auto const due_of = [](Task const& task, std::chrono::milliseconds start_left,
                            std::chrono::milliseconds silence_left, bool is_online) {
        return life::due(task, {60s, start_left, silence_left, is_online});
    };
    auto const waiting = task(S::waiting);
    CHECK(due_of(waiting, 5s, 0s, true).action == Action::none);
    CHECK(due_of(waiting, 5s, 0s, true).again_in == 5s);
    CHECK(due_of(waiting, 0s, 0s, true).action == Action::end_waiting);

    auto running = task(S::running);
    running.sync_flag = true;
    CHECK(due_of(running, 0s, 90s, true).again_in == 90s);
    CHECK(due_of(running, 0s, 0s, true).action == Action::ask_agent);
    CHECK(due_of(running, 0s, 0s, false).action == Action::give_up);
    CHECK(due_of(running, 500s, 0s, false).action == Action::give_up);
    // What is queued there is asked about while its time to start can still be extended.
    running.is_queued = true;
    CHECK(due_of(running, 0s, 90s, true).again_in == 60s);
    CHECK(due_of(running, 0s, 30s, true).action == Action::ask_agent);
    CHECK(due_of(running, 0s, 30s, false).action == Action::none);

    // Nobody knows whether it arrived: while its ttl runs it is not given up.
    CHECK(due_of(task(S::sent), 500s, 0s, false).again_in == 500s);
    CHECK(due_of(task(S::sent), 0s, 0s, false).action == Action::give_up);

    auto canceled = task(S::canceled);
    CHECK(due_of(canceled, 0s, 0s, true).action == Action::none);
    canceled.cancel_due = true;
    CHECK(due_of(canceled, 0s, 0s, true).action == Action::tell_cancel);
    CHECK(due_of(canceled, 0s, 0s, false).action == Action::give_up);
    for (auto const from : final_statuses) CHECK(due_of(task(from), 0s, 0s, true).action == Action::none);
}
