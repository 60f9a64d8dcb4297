#include "tasklog.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "elves/json_fields.hpp"
#include "elves/log.hpp"
#include "elves/text_fit.hpp"
#include "elves/worker_report.hpp"
#include "record_fit.hpp"
#include "task_search.hpp"
#include "task_story.hpp"
#include "task_text.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t most_listed = 1'000;
constexpr std::int64_t most_output = 1024 * 1024;
/// A reported firing is at most this old, which is the longest `[tasklog] keep`, or this far ahead: an
/// agent's clock may be off by some hours, not by years.
constexpr std::chrono::days oldest_firing{3650};
constexpr std::chrono::days latest_firing{1};

std::string string_in(JsonValue const& info, std::string_view field)
{
    auto const* const value = info.find(field);
    return value ? FieldType<std::string>::read("info." + std::string(field), *value) : std::string();
}

/// A word that may come as a string, a number or a boolean: the sheet prints it without quotes.
std::string word_in(JsonValue const& info, std::string_view field)
{
    auto const* const value = info.find(field);
    bool const is_word = value && (value->is_bool() || value->is_number());
    return is_word ? json_text(*value) : string_in(info, field);
}

std::optional<std::int64_t> number_in(JsonValue const& info, std::string_view field)
{
    auto const* const value = info.find(field);
    if (!value || (value->is_string() && value->string().empty())) return std::nullopt;
    return FieldType<std::int64_t>::read("info." + std::string(field), *value);
}

/// `.042`
std::string milliseconds_of(Instant at)
{
    auto const part = at.time_since_epoch() % std::chrono::seconds(1);
    return "." + std::to_string(1000 + part.count()).substr(1);
}

template <class T>
std::optional<T> one_of(std::string_view field, std::optional<std::string> const& text,
    std::optional<T> (*parse)(std::string_view) noexcept, std::string_view choices)
{
    if (!text) return std::nullopt;
    auto const value = parse(*text);
    if (!value) throw Error(codes::bad_field, field_is(field, *text) + "; give " + std::string(choices));
    return value;
}

} // namespace

Tasklog::Tasklog(LoopExecutor loop, Store& store, Clock& clock, Zone zone, Presence& presence,
    AppDirectory const& apps, Dialer& dialer, Quotas const* quotas, ServerLimits const* limits)
    : loop_(loop)
    , store_(store)
    , clock_(clock)
    , zone_(zone)
    , presence_(presence)
    , quotas_(quotas)
    , limits_(limits)
    , engine_(loop, store, clock, zone, presence, apps, quotas)
    , output_(store, clock)
    , outbox_(std::move(loop), store, clock, apps, dialer)
    , failures_(clock)
    , pruner_(store, clock, "tasks")
{
    engine_.on_finished([this](Task const& task) {
        output_.forget(task.id);
        outbox_.finished(task);
        failures_.finished(task);
    });
    output_.on_written([this](std::string const& by, std::int64_t bytes) {
        engine_.daily_bytes().add(by, static_cast<std::size_t>(bytes));
    });
}

void Tasklog::configure(Section const& section)
{
    auto const lost_after = section.seconds("lost_after", 60s, 0s, 30 * 86'400s);
    auto const keep = section.seconds("keep", 90 * 86'400s, 1s, 3650 * 86'400s);
    auto const keep_failed = section.seconds("keep_failed", 2 * keep, 1s, 3650 * 86'400s);
    auto const give_up = section.seconds("processor_give_up", 86'400s, 0s, 30 * 86'400s);
    auto const output = section.number("max_output", most_output, 0, 16 * most_output);
    engine_.set_lost_after(lost_after);
    outbox_.set_give_up(give_up);
    output_.set_most(output);
    pruner_.set(
        std::min(keep, keep_failed), [this, keep, keep_failed](Db& db, Instant now, std::int64_t most) {
            return task_records::prune(db, now, {keep, keep_failed}, most, engine_.kept());
        });
}

void Tasklog::declare(MethodTable& table)
{
    table
        .call<AgentResult>("agentasynclog", Right::report,
            {required("id", &AgentResult::id), required("info", &AgentResult::info),
                optional("type", &AgentResult::type), optional("cron_id", &AgentResult::cron_id),
                optional("fire_time", &AgentResult::fire_time),
                optional("starttime", &AgentResult::starttime), optional("ins", &AgentResult::ins),
                optional("status", &AgentResult::status)},
            "An agent's result of a task, or of a firing of its own, or the start of one.",
            [this](AgentResult in, Caller const& caller) { return take_result(std::move(in), caller); })
        .or_named("agentasyncresult");
    table
        .call<ProcessorResult>("appprocessorlog", Right::operate,
            {required("id", &ProcessorResult::id), required("info", &ProcessorResult::info)},
            "What an app's processor did with a result.",
            [this](
                ProcessorResult in, Caller const& caller) { return take_processed(std::move(in), caller); })
        .or_named("appprocessorresult");
    table.call<ByIds>("gettaskbyids", Right::read, {required("id", &ByIds::id)}, "Tasks by their ids.",
        [this](ByIds in, Caller const& caller) { return by_ids(std::move(in), caller); });
    table
        .call<Search>("listtasks", Right::read,
            {optional("agentip", &Search::agentip), optional("app", &Search::app),
                optional("func", &Search::func), optional("type", &Search::type),
                optional("cron_id", &Search::cron_id), optional("status", &Search::status),
                optional("by", &Search::by), optional("since", &Search::since),
                optional("until", &Search::until), optional("after", &Search::after),
                optional("limit", &Search::limit)},
            "Tasks, newest first.",
            [this](Search in, Caller const& caller) { return search(std::move(in), caller); })
        .cut_by_ip()
        .cut_by_app();
    table.call<OutputOf>("gettaskoutput", Right::read,
        {required("id", &OutputOf::id), optional("offset", &OutputOf::offset),
            optional("limit", &OutputOf::limit), optional("stderr_offset", &OutputOf::stderr_offset)},
        "What a task's worker printed.",
        [this](OutputOf in, Caller const& caller) { return output_of(in, caller); });
    table
        .call<FailuresSince>("countfailures", Right::read, {optional("since", &FailuresSince::since)},
            "How many tasks of the last 24 hours did not end well, by app and function.",
            [this](FailuresSince in, Caller const& caller) { return count_failures(in, caller); })
        .cut_by_ip()
        .cut_by_app();
    table.call<StoryOf>("gettaskstory", Right::read, {required("id", &StoryOf::id)},
        "Everything that happened to a task, in order.",
        [this](StoryOf in, Caller const& caller) { return story_of(in, caller); });
    table.cast<Queued>("queued", Right::report,
        {required("id", &Queued::id), required("queued", &Queued::queued)},
        "Says whether a task waits on its agent for a free worker.",
        [this](Queued const& in, Caller const& caller) { return take_queued(in, caller); });
    table.cast<Output>("output", Right::report,
        {required("id", &Output::id), required("offset", &Output::offset), required("data", &Output::data),
            optional("stream", &Output::stream)},
        "What a worker prints, as it prints it.",
        [this](Output in, Caller const& caller) { return take_output(std::move(in), caller); });
}

void Tasklog::start()
{
    engine_.start();
    outbox_.load();
    load_failures();
    pruner_.start();
}

/// Of the newest tasks of the log, while the server works already.
void Tasklog::load_failures()
{
    constexpr std::int64_t most_looked_at = 50'000;
    struct Older {
        std::vector<Task> tasks; ///< Oldest first.
        Instant since;
    };
    auto const older = std::make_shared<Older>();
    older->since = clock_.now() - RecentFailures::kept;
    store_.post_scan(
        [older, since = older->since](Db& db) {
            older->tasks.clear();
            task_records::Filter filter;
            filter.since = since;
            auto const [oldest, newest] = task_records::keys(db);
            filter.from_key = task_records::key_before(db, newest, most_looked_at);
            bool is_cut = *filter.from_key > oldest;
            auto reached = since;
            task_records::list(db, filter, most_looked_at, [&](task_records::Row row) {
                reached = row.task.start;
                is_cut = is_cut || older->tasks.size() == RecentFailures::most;
                if (older->tasks.size() == RecentFailures::most) return false;
                if (RecentFailures::is_failure(row.task.status)) older->tasks.push_back(std::move(row.task));
                return true;
            });
            std::stable_sort(older->tasks.begin(), older->tasks.end(),
                [](Task const& a, Task const& b) { return a.end < b.end; });
            if (is_cut) older->since = reached;
        },
        [this, older](std::exception_ptr const& failure) {
            if (!failure) failures_.add_older(older->tasks, older->since);
        });
}

void Tasklog::stop()
{
    pruner_.stop();
    outbox_.stop();
    engine_.stop();
    output_.flush();
    engine_.daily_bytes().flush();
}

Ip Tasklog::linked_agent(Caller const& caller) const
{
    auto const agent = presence_.agent_of(*caller.peer);
    if (!agent)
        throw Error(codes::forbidden, "this connection is no agent's link; heartbeat.register makes it one");
    return *agent;
}

Later<Reply> Tasklog::take_result(AgentResult in, Caller const& caller)
{
    auto const agent = linked_agent(caller);
    auto const id = in.id;
    Later<Reply> later;
    auto const end = [this, later, agent, id](std::exception_ptr const& failure) {
        if (!failure) return later.set(Reply());
        log_refusal(agent, id, failure);
        later.fail(failure);
    };
    try {
        take_report(std::move(in), agent, end);
    } catch (...) {
        end(std::current_exception());
    }
    return later;
}

/// What an agent can't bring to the log would otherwise be known to the agent alone. A few lines a minute.
void Tasklog::log_refusal(Ip const& agent, TaskId id, std::exception_ptr const& failure)
try {
    std::rethrow_exception(failure);
} catch (Error const& error) {
    if (error.code() == codes::store_cannot_write || error.code() == codes::shutting_down) return;
    constexpr std::chrono::seconds between{6};
    auto const now = clock_.steady();
    if (refusal_logged_ && now - *refusal_logged_ < between) {
        ++refusals_unlogged_;
        return;
    }
    refusal_logged_ = now;
    ELVES_LOG(warning, "report.refused agent=" << agent.text() << " task=" << id.text()
                                               << " unlogged=" << std::exchange(refusals_unlogged_, 0) << ": "
                                               << error.info());
} catch (std::exception const&) { // The router logs that.
}

/// Calls `then` when the result is on disk.
void Tasklog::take_report(
    AgentResult in, Ip const& agent, std::function<void(std::exception_ptr const&)> then)
{
    bool const is_running = in.status == status_text(TaskStatus::running);
    bool const is_canceled = in.status == status_text(TaskStatus::canceled);
    auto report = is_running ? WorkerReport() : read_report(in.info.root(), zone_);
    auto const* const open = engine_.open(in.id);
    bool const is_usual = open && open->agent == agent && !is_running && !is_canceled;
    if (is_usual) return engine_.report(in.id, std::move(report), std::move(then));
    asio::co_spawn(loop_, take_other_report(std::move(in), agent, std::move(report)),
        [then = std::move(then)](std::exception_ptr const& failure) { then(failure); });
}

/// Of a task that is not open, or not that agent's, or that has not ended by itself.
asio::awaitable<void> Tasklog::take_other_report(AgentResult in, Ip agent, WorkerReport report)
{
    std::optional<Ip> owner;
    if (auto const* const open = engine_.open(in.id)) {
        owner = open->agent;
    } else if (auto const task = co_await engine_.find(in.id)) {
        owner = task->agent;
    }
    if (!owner && in.cron_id && in.fire_time && in.ins) {
        co_await take_firing(std::move(in), agent, std::move(report));
        co_return;
    }
    if (!owner) throw Error(codes::no_task, "no task " + in.id.text());
    if (*owner != agent)
        throw Error(codes::forbidden, "task " + in.id.text() + " is not one of " + agent.text());
    if (in.status != status_text(TaskStatus::running))
        co_await end_task(in.id, std::move(in.status), std::move(report));
}

/// `status`: what the agent says beside the result. `canceled`: a newer run of the same job replaced this
/// one.
asio::awaitable<void> Tasklog::end_task(TaskId id, std::optional<std::string> status, WorkerReport report)
{
    if (status == status_text(TaskStatus::canceled)) {
        co_await engine_.report_canceled(id, std::move(report));
    } else {
        co_await engine_.report(id, std::move(report));
    }
}

asio::awaitable<Reply> Tasklog::take_processed(ProcessorResult in, Caller caller)
{
    task_records::ModuleLog log;
    log.callback_time = clock_.now();
    auto const flag = word_in(in.info.root(), "processor_sync_flag");
    auto const error = word_in(in.info.root(), "processor_sync_error");
    log.processor_costtime = number_in(in.info.root(), "processor_sync_costtime");
    log.processor_message = string_in(in.info.root(), "processor_message");
    if (log.processor_message.empty()) log.processor_message = error.empty() ? flag : error;
    auto const task = co_await engine_.find(in.id);
    if (!task) throw Error(codes::no_task, "no task " + in.id.text());
    caller.require_record("task " + in.id.text(), task->agent, task->ins);
    Store::Work work = [id = in.id, log](Db& db) { task_records::put_processed(db, id, log); };
    work = together(std::move(work), caller.also());
    co_await store_.write(std::move(work));
    co_return Reply();
}

asio::awaitable<Reply> Tasklog::by_ids(ByIds in, Caller caller)
{
    engine_.flush();
    std::function<TasksById(Db&)> work = [ids = in.id, key = caller.key](
                                             Db& db) { return find_tasks(db, ids, key.get()); };
    auto const tasks = co_await store_.read<TasksById>(std::move(work));
    json::array info, missing, denied;
    constexpr std::size_t listed = 20; // bytes of an id in `missing` or `denied`
    for (auto const id : in.id) {
        auto const& found = tasks.at(id);
        if (!found.is_there) {
            missing.emplace_back(id.text());
        } else if (!found.row) {
            denied.emplace_back(id.text());
        } else {
            info.push_back(text_of(*found.row));
        }
    }
    if (!denied.empty() && info.empty() && missing.empty()) {
        throw Error(codes::forbidden, "this key has no rights on the agent or app of any of these tasks");
    }
    fit_records(info, text_room(max_frame()) - std::min(text_room(max_frame()), listed * in.id.size()));
    json::object fields{{"info", std::move(info)}, {"missing", std::move(missing)}};
    if (!denied.empty()) fields["denied"] = std::move(denied);
    co_return Reply(std::move(fields));
}

/// Whether it waits for a worker is known in memory only.
json::object Tasklog::text_of(task_records::Row const& row) const
{
    auto text = task_text(row, zone_);
    auto const* const open = engine_.open(row.task.id);
    if (open && open->is_queued) text["queued"] = "true";
    return text;
}

Instant Tasklog::time_of(std::string_view field, std::string const& text) const
{
    auto const time = read_time(text, zone_);
    if (!time) throw Error(codes::bad_field, field_is(field, text) + "; give YYYY-MM-DD HH:MM:SS");
    return *time;
}

Instant Tasklog::recent_time_of(std::string_view field, std::string const& text) const
{
    auto const time = time_of(field, text);
    auto const now = clock_.now();
    if (time < now - oldest_firing || time > now + latest_firing)
        throw Error(codes::bad_field, field_is(field, text) +
                                          "; expected a time from ten years ago to one day ahead of "
                                          "this server's: set the agent's clock");
    return time;
}

task_records::Filter Tasklog::filter_of(Search const& in) const
{
    task_records::Filter filter;
    filter.agent = in.agentip;
    if (in.app) filter.app = in.app->text;
    filter.func = in.func;
    filter.type = one_of<TaskType>("type", in.type, &parse_type, "rt, async or cron");
    filter.status = one_of<TaskStatus>("status", in.status, &parse_status,
        "waiting, sent, running, done, failed, timeout, canceled, expired, undelivered, skipped or lost");
    filter.cron_id = in.cron_id;
    filter.by = in.by;
    if (in.since) filter.since = time_of("since", *in.since);
    if (in.until) filter.until = time_of("until", *in.until) + 999ms;
    if (in.after) {
        std::int64_t key = 0;
        auto const [end, failure] =
            std::from_chars(in.after->data(), in.after->data() + in.after->size(), key);
        if (failure != std::errc() || end != in.after->data() + in.after->size()) {
            throw Error(codes::bad_field, field_is("after", *in.after) + "; give the `next` of a reply");
        }
        filter.before_key = key;
    }
    return filter;
}

asio::awaitable<Reply> Tasklog::search(Search in, Caller caller)
{
    auto const filter = filter_of(in);
    if (in.limit < 1 || in.limit > most_listed) {
        throw Error(codes::bad_field, "`limit` is " + std::to_string(in.limit) + "; give 1 to 1000");
    }
    engine_.flush();
    PageBounds bounds;
    bounds.bytes = std::min(bounds.bytes, text_room(max_frame()));
    std::function<TaskPage(Db&)> work = [filter, limit = in.limit, key = caller.key, bounds](Db& db) {
        return search_tasks(db, filter, limit, key.get(), bounds);
    };
    auto const page = co_await store_.scan<TaskPage>(std::move(work));
    json::array info;
    for (auto const& row : page.rows) info.push_back(text_of(row));
    fit_records(info, text_room(max_frame()));
    json::object fields{{"info", std::move(info)}};
    if (page.next) fields["next"] = std::to_string(*page.next);
    co_return Reply(std::move(fields));
}

Reply Tasklog::count_failures(FailuresSince const& in, Caller const& caller) const
{
    constexpr std::size_t most_groups = 500;
    auto const since = in.since ? time_of("since", *in.since) : clock_.now() - RecentFailures::kept;
    auto found = failures_.find(since, caller);
    if (found.groups.size() > most_groups) found.groups.resize(most_groups);
    json::array groups;
    for (auto const& group : found.groups) {
        json::object counts;
        for (auto const& [status, count] : group.counts) counts[status_text(status)] = std::to_string(count);
        auto const& latest = group.latest;
        json::object shown{{"id", latest.id.text()}, {"agentip", latest.agent.text()},
            {"status", status_text(latest.status)}, {"endtime", zone_.text(latest.end)},
            {"message", latest.message}};
        groups.push_back(json::object{{"app", group.ins.app}, {"func", group.ins.func},
            {"count", std::to_string(group.count())}, {"counts", std::move(counts)},
            {"latest", std::move(shown)}});
    }
    return {{"since", zone_.text(found.since)}, {"failures", std::move(groups)}};
}

asio::awaitable<Reply> Tasklog::story_of(StoryOf in, Caller caller)
{
    engine_.flush();
    output_.flush();
    struct Found {
        std::optional<task_records::Row> row;
        task_records::OutputTimes output;
    };
    std::function<Found(Db&)> work = [id = in.id](Db& db) {
        return Found{task_records::find(db, id), task_records::output_times(db, id)};
    };
    auto const found = co_await store_.read<Found>(std::move(work));
    if (!found.row) throw Error(codes::no_task, "no task " + in.id.text());
    caller.require_record("task " + in.id.text(), found.row->task.agent, found.row->task.ins);
    json::array lines;
    std::optional<Instant> before;
    for (auto const& line : task_story(*found.row, found.output, zone_)) {
        auto const gap = line.at - before.value_or(line.at);
        lines.push_back(json::object{{"time", zone_.text(line.at) + milliseconds_of(line.at)},
            {"gap", std::to_string(gap.count())}, {"what", line.what}});
        before = line.at;
    }
    if (auto const* const open = engine_.open(in.id); open && open->is_queued) {
        auto const now = clock_.now();
        lines.push_back(json::object{{"time", zone_.text(now) + milliseconds_of(now)},
            {"gap", std::to_string((now - before.value_or(now)).count())},
            {"what", "queued: it waits on its agent for a free worker"}});
    }
    json::object fields{
        {"id", in.id.text()}, {"status", status_text(found.row->task.status)}, {"story", std::move(lines)}};
    co_return Reply(std::move(fields));
}

Reply Tasklog::take_queued(Queued const& in, Caller const& caller)
{
    auto const agent = linked_agent(caller);
    auto const* const task = engine_.open(in.id);
    if (task && task->agent == agent) engine_.set_queued(in.id, in.queued);
    return {};
}

} // namespace elves
