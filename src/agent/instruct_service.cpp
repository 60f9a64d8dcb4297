#include "agent/instruct_service.hpp"

#include <algorithm>

#include "agent/report_fields.hpp"
#include "elves/error.hpp"
#include "elves/json_fields.hpp"
#include "elves/text_fit.hpp"
#include "elves/worker_report.hpp"

namespace elves {

template <>
struct FieldType<TaskType> {
    static constexpr std::string_view name = "rt, async or cron";
    static constexpr Code missing = codes::bad_field;
    static TaskType read(std::string_view field, JsonValue const& value)
    {
        if (value.is_string()) {
            if (auto const type = parse_type(value.string())) return *type;
        }
        throw Error(missing, "`" + std::string(field) + "` is " + shown(value) + "; give rt, async or cron");
    }
    static void judge(Caller const&, TaskType) {}
};

/// By how much a clock was set: less than 0 where it was set back.
template <>
struct FieldType<std::chrono::milliseconds> {
    static constexpr std::string_view name = "whole number of milliseconds";
    static constexpr Code missing = codes::bad_field;
    static std::chrono::milliseconds read(std::string_view field, JsonValue const& value)
    {
        constexpr auto most = agent::ServerTime::most.count();
        auto const number = whole_number(value);
        if (number && *number <= most && *number >= -most) return std::chrono::milliseconds(*number);
        throw Error(missing, field_is(field, value) + "; give a whole number of milliseconds, at most " +
                                 std::to_string(most) + " to either side");
    }
    static void judge(Caller const&, std::chrono::milliseconds) {}
};

template <>
struct FieldType<agent::CronList> {
    static constexpr std::string_view name = "list";
    static constexpr Code missing = codes::bad_field;
    static agent::CronList read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_list()) throw Error(missing, field_is(field, value) + "; give a list");
        return {JsonDocument(value)};
    }
    static void judge(Caller const&, agent::CronList const&) {}
};

} // namespace elves

namespace elves::agent {

namespace {

/// For the server's answer to what time it is.
constexpr std::chrono::seconds time_limit(10);

json::object with_status(TaskId id, std::string_view status)
{
    return {{"id", id.text()}, {"status", status}};
}

} // namespace

void InstructService::declare(MethodTable& table)
{
    table.call<Instruct>("instruct", Right::open,
        {required("id", &Instruct::id), required("type", &Instruct::type), required("ins", &Instruct::ins),
            optional("account", &Instruct::account), optional("workers", &Instruct::workers),
            optional("start_by", &Instruct::start_by), optional("clock", &Instruct::clock),
            optional("cron_id", &Instruct::cron_id), optional("fire_time", &Instruct::fire_time)},
        "Runs a task. `rt` is answered with its result, the others when it is in the journal.",
        [this](Instruct in, Caller caller) { return instruct(std::move(in), std::move(caller)); });
    table.call<One>("cancel", Right::open, {required("id", &One::id)}, "Stops a task wherever it is.",
        [this](One in, Caller const&) { return cancel(in); });
    table.call<Crons>("setcrons", Right::open, {required("cron_list", &Crons::cron_list)},
        "Replaces the agent's own cron jobs.",
        [this](Crons in, Caller const&) { return set_crons(std::move(in)); });
    table.call<Many>("status", Right::open,
        {required("id", &Many::id), optional("start_by", &Many::start_by), optional("clock", &Many::clock)},
        "How far tasks are.",
        [this](Many in, Caller caller) { return status(std::move(in), std::move(caller)); });
    table.cast<Many>("confirm", Right::open, {required("id", &Many::id)},
        "The server has these results on disk.",
        [this](Many const& in, Caller const&) { return confirm(in); });
}

asio::awaitable<Reply> InstructService::instruct(Instruct in, Caller caller)
{
    auto const id = in.id;
    auto const type = in.type;
    co_await take(std::move(in), caller);
    Reply reply;
    if (type != TaskType::rt) {
        if (tasks_.is_queued(id)) reply.fields()["queued"] = "true";
        co_return reply;
    }
    auto report = co_await tasks_.result(id);
    // Its back can't be read any more, or is no result: it goes the other way, which is confirmed.
    if (report.not_started || !caller.peer || !caller.peer->is_open()) reports_.add(id);
    fit_a_frame(report, reports_.max_frame());
    write_report(reply.fields(), report, zone_);
    co_return reply;
}

/// Until the instructions before this call are taken, or refused: some may wait for the server's time.
/// Without it a task that is on its way would be called unknown, and start.
asio::awaitable<void> InstructService::earlier_ones()
{
    if (asking_time_ == 0) co_return;
    auto asked = time_waiters_.emplace_back();
    co_await asked.wait(clock_, time_limit);
}

asio::awaitable<void> InstructService::ask_time(std::shared_ptr<Peer> server)
{
    ++asking_time_;
    std::exception_ptr failure;
    try {
        co_await server_time_.ask(server, time_limit);
    } catch (...) {
        failure = std::current_exception();
    }
    if (--asking_time_ == 0) {
        for (auto& waiter : std::exchange(time_waiters_, {})) waiter.set(true);
    }
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> InstructService::journal_is_ours()
{
    if (claim_ && !claim_->is_ours()) co_await claim_->wait_until_ours();
}

asio::awaitable<void> InstructService::take(Instruct in, Caller caller)
{
    co_await journal_is_ours();
    co_await tasks_.wait_until_known(in.id);
    if (is_draining_ && !(co_await tasks_.look(in.id)))
        throw Error(codes::shutting_down, "the agent is draining: it restarts when its workers have ended; "
                                          "send the task again later, or with "
                                          "a ttl");
    Entry entry;
    entry.id = in.id;
    entry.type = in.type;
    entry.ins = std::move(in.ins);
    entry.account = account_of(std::move(in.account), in.workers);
    if (in.start_by) {
        entry.start_by = Instant(std::chrono::milliseconds(*in.start_by));
        // A clock was set since we last asked, the server's or ours: what time it is there decides.
        if (caller.peer && !server_time_.is_of(in.clock)) co_await ask_time(caller.peer);
        // The call may have waited since, for the disk or on its way: it was sent by the clock as it was
        // then.
        auto const by_now = server_time_.by_known_clock(*entry.start_by, in.clock);
        // If the server has restarted in between, nothing is known about its clock: take the earlier time.
        bool const is_same_server = caller.peer && caller.peer->is_open();
        entry.start_by = is_same_server ? by_now : std::min(*entry.start_by, by_now);
    }
    if (in.cron_id && in.fire_time)
        entry.firing =
            Firing{*in.cron_id, Instant(std::chrono::milliseconds(*in.fire_time)), false, false, true};
    auto const firing = entry.firing;
    bool const is_fresh = co_await tasks_.take(std::move(entry));
    if (!is_fresh && firing) co_await require_no_other(in.id, *firing);
}

/// A time of a cron job starts once: throws Error 403.10 where this agent has a task of its own for it.
asio::awaitable<void> InstructService::require_no_other(TaskId id, Firing firing)
{
    auto const other = co_await tasks_.task_of(firing);
    if (!other || *other == id) co_return;
    throw Error(codes::bad_field, "`fire_time` of cron job " + firing.cron_id.text() +
                                      ": this agent has started that time before, as task " + other->text());
}

asio::awaitable<Reply> InstructService::cancel(One in)
{
    co_await earlier_ones();
    bool const known = co_await tasks_.cancel(in.id);
    if (!known) throw Error(codes::no_task, "this agent has no task " + in.id.text());
    co_return Reply();
}

asio::awaitable<Reply> InstructService::set_crons(Crons in)
{
    co_await journal_is_ours();
    auto const answer = co_await cron_.set(std::move(in.cron_list.jobs));
    // `flag` stays true: sending them once more would change nothing.
    constexpr std::size_t most = 5'000;
    Reply reply;
    if (!answer.refused.empty()) {
        json::array named;
        for (auto const& line : answer.refused) {
            if (named.size() < most) named.emplace_back(line);
        }
        reply.fields()["refused"] = std::move(named);
    }
    if (!answer.removed.empty()) {
        json::array removed;
        for (auto const& [id, accounted] : answer.removed)
            removed.push_back(json::object{
                {"cron_id", id.text()}, {"accounted", std::to_string(accounted.time_since_epoch().count())}});
        reply.fields()["removed"] = std::move(removed);
    }
    co_return reply;
}

json::object InstructService::standing(TaskId id, std::optional<Entry> const& entry) const
{
    if (!entry) return with_status(id, "unknown");
    if (!entry->report) {
        auto running = with_status(id, "running");
        if (tasks_.is_queued(id)) running["queued"] = "true";
        return running;
    }
    auto report = *entry->report;
    fit_a_frame(report, reports_.max_frame());
    auto one = with_status(id, report.flag == 1 ? "done" : "failed");
    write_report(one, report, zone_);
    return one;
}

/// A result for which the frame has no room left is `running` here, and comes by itself.
asio::awaitable<Reply> InstructService::status(Many in, Caller caller)
{
    constexpr std::size_t at_once = 64; // each may hold a param and a result of a mebibyte
    auto const room = text_room(reports_.max_frame()) / 4 * 3;
    json::array all;
    std::size_t used = 0;
    co_await journal_is_ours();
    co_await earlier_ones();
    // The question may have overtaken the reply to `register`. Without the server's time the journal proves
    // nothing, and a task that it never had would be lost.
    if (caller.peer && since_.is_known() && !server_time_.now()) co_await ask_time(caller.peer);
    if (in.start_by && server_time_.is_of(in.clock))
        co_await tasks_.extend(in.id, Instant(std::chrono::milliseconds(*in.start_by)));
    for (std::size_t first = 0; first < in.id.size(); first += at_once) {
        auto const size = std::min(at_once, in.id.size() - first);
        std::vector<TaskId> ids(&in.id[first], &in.id[first] + size);
        auto const found = co_await tasks_.look(ids);
        for (std::size_t i = 0; i < size; ++i) {
            auto one = standing(ids[i], found[i]);
            auto const bytes = json::serialize(one).size();
            if (used + bytes > room) {
                reports_.add(ids[i]);
                one = with_status(ids[i], "running");
            } else {
                used += bytes;
            }
            all.push_back(std::move(one));
        }
    }
    Reply reply;
    reply.fields()["info"] = std::move(all);
    if (auto const since = since_.get()) reply.fields()["journal_since"] = since->time_since_epoch().count();
    co_return reply;
}

Reply InstructService::confirm(Many const& in)
{
    tasks_.confirm(in.id);
    return {};
}

} // namespace elves::agent
