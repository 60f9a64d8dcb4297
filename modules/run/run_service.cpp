#include "run_service.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "elves/error.hpp"
#include "elves/page.hpp"
#include "elves/text_fit.hpp"
#include "run_fields.hpp"
#include "run_records.hpp"

namespace elves {

namespace {

constexpr std::array<std::string_view, 12> host_states{"held", "waiting", "sent", "running", "done", "failed",
    "timeout", "canceled", "expired", "undelivered", "lost", "not_started"};

std::string joined(std::array<std::string_view, 12> const& words)
{
    std::string text;
    for (auto const word : words) text += (text.empty() ? "" : ", ") + std::string(word);
    return text;
}

std::string require_state(std::string_view field, JsonValue const& value)
{
    auto const text = value.string_or_empty();
    if (std::find(host_states.begin(), host_states.end(), text) == host_states.end())
        throw Error(codes::bad_field, field_is(field, value) + "; give one of " + joined(host_states));
    return std::string(text);
}

} // namespace

template <>
struct FieldType<RunHostStates> {
    static constexpr std::string_view name = "host states";
    static constexpr Code missing = codes::bad_field;
    /// One, or a list of them.
    static RunHostStates read(std::string_view field, JsonValue const& value)
    {
        RunHostStates all;
        if (!value.is_list()) {
            all.states.insert(require_state(field, value));
            return all;
        }
        for (auto const& item : value) all.states.insert(require_state(field, item));
        return all;
    }
    static void judge(Caller const&, RunHostStates const&) {}
};

template <>
struct FieldType<RunSteering> {
    static constexpr std::string_view name = "pause, resume, stop or cancel";
    static constexpr Code missing = codes::bad_field;
    static RunSteering read(std::string_view field, JsonValue const& value)
    {
        auto const text = value.string_or_empty();
        if (text == "pause") return {Runs::Steer::pause};
        if (text == "resume") return {Runs::Steer::resume};
        if (text == "stop") return {Runs::Steer::stop};
        if (text == "cancel") return {Runs::Steer::cancel};
        throw Error(missing, field_is(field, value) + "; give " + std::string(name));
    }
    static void judge(Caller const&, RunSteering const&) {}
};

namespace {

constexpr std::size_t answer_shown = 200; ///< Bytes of a host's answer in a list of hosts.

std::string number(std::size_t value) { return std::to_string(value); }

/// The first place of a page.
std::size_t begin_of(std::optional<std::int64_t> const& after)
{
    if (!after) return 0;
    if (*after < 0)
        throw Error(codes::bad_field, "`after` is " + std::to_string(*after) + "; give the last `next`");
    return static_cast<std::size_t>(*after) + 1;
}

json::array first_of(std::span<Ip const> hosts, std::size_t most)
{
    json::array list;
    for (auto const& ip : hosts.first(std::min(most, hosts.size()))) list.emplace_back(ip.text());
    return list;
}

json::array waves_of(RunPlan const& plan)
{
    constexpr std::size_t most_first = 10;
    constexpr std::size_t most_waves = 1'000;
    json::array waves;
    std::span<Ip const> left(plan.hosts);
    for (auto const size : plan.wave_sizes) {
        if (waves.size() == most_waves) break;
        waves.push_back(
            json::object{{"hosts", number(size)}, {"first", first_of(left.first(size), most_first)}});
        left = left.subspan(size);
    }
    return waves;
}

json::array windows_of(std::vector<RunGate::Closed> const& closed, Zone const& zone)
{
    constexpr std::size_t most_first = 10;
    json::array windows;
    for (auto const& window : closed)
        windows.push_back(json::object{{"name", window.name}, {"hosts", number(window.hosts.size())},
            {"first", first_of(window.hosts, most_first)}, {"until", zone.text(window.until)},
            {"note", window.note}});
    return windows;
}

std::string exit_code_text(RunOutcome const& outcome)
{
    return outcome.exit_code ? std::to_string(*outcome.exit_code) : std::string();
}

} // namespace

void RunService::configure(Section const& section)
{
    using namespace std::chrono_literals;
    runs_.set_give_up(section.seconds("give_up", 7 * 24h, 60s, 365 * 24h));
}

void RunService::declare(MethodTable& table)
{
    table
        .call<RunSpec>("planrun", Right::operate, RunSpec::fields(),
            "What a run would be: its hosts, its waves, who is offline, and how many could fail at worst.",
            [this](RunSpec spec, Caller caller) { return plan(std::move(spec), std::move(caller)); })
        .only_reads()
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<RunSpec>("startrun", Right::operate, RunSpec::fields(),
            "Runs app.func on every host that a target selects, in waves.",
            [this](RunSpec spec, Caller caller) { return begin(std::move(spec), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ById>("getrun", Right::read, {required("id", &ById::id)},
            "One run: what was asked, and how far it is.",
            [this](ById in, Caller caller) { return get(in, std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<List>("listruns", Right::read,
            {optional("state", &List::state), optional("by", &List::by), optional("app", &List::app),
                optional("func", &List::func), optional("agentip", &List::agentip),
                optional("schedule", &List::schedule), optional("since", &List::since),
                optional("until", &List::until), optional("after", &List::after),
                optional("limit", &List::limit)},
            "Runs, newest first, in pages.",
            [this](List in, Caller caller) { return list(std::move(in), std::move(caller)); })
        .cut_by_app()
        .refuses_unknown_fields();
    table
        .call<Hosts>("listrunhosts", Right::read,
            {required("id", &Hosts::id), optional("state", &Hosts::state), optional("wave", &Hosts::wave),
                optional("after", &Hosts::after), optional("limit", &Hosts::limit)},
            "The hosts of a run in its order, in pages.",
            [this](Hosts in, Caller caller) { return hosts(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<Hosts>("listanswers", Right::read,
            {required("id", &Hosts::id), optional("after", &Hosts::after), optional("limit", &Hosts::limit)},
            "What the hosts of a run answered, equal answers together, the most frequent first.",
            [this](Hosts in, Caller caller) { return answers(std::move(in), std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
    table
        .call<Steering>("steerrun", Right::operate,
            {required("id", &Steering::id), required("do", &Steering::action),
                optional("max_fail", &Steering::max_fail), optional("note", &Steering::note)},
            "Pauses, resumes, stops or cancels a run.",
            [this](Steering in, Caller caller) { return steer(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    auto retry_fields = RunSpec::fields();
    std::erase_if(retry_fields, [](auto const& field) { return field.info.name == "target"; });
    auto& again = table.call<RunSpec>("retryrun", Right::operate, std::move(retry_fields),
        "A new run of those hosts of an old one that are in the given states.",
        [](RunSpec const&, Caller const&) { return Reply(); });
    again.answers_at_once = false;
    again.fields.insert(again.fields.begin(),
        {{"id", FieldType<TaskId>::name, true}, {"states", FieldType<RunHostStates>::name, true}});
    for (auto& field : again.fields) field.required = field.name == "id" || field.name == "states";
    again.run = [this](JsonValue const& call, Caller const& caller) { return retry(call, caller); };
    again.refuses_unknown_fields();
    table
        .call<Watch>("watchrun", Right::read, {required("id", &Watch::id), optional("since", &Watch::since)},
            "Answers when something of a run is newer than `since`, after 25 s at the latest.",
            [this](Watch in, Caller caller) { return watch(in, std::move(caller)); })
        .cut_by_ip()
        .refuses_unknown_fields();
}

asio::awaitable<Reply> RunService::plan(RunSpec spec, Caller caller)
{
    constexpr std::size_t most_offline = 100;
    auto const ins = spec.ins.ins;
    auto const plan = co_await runs_.planner().plan(std::move(spec), std::move(caller));
    auto const closed = co_await gate_.closed_for(plan.hosts, ins, plan.begin_at);
    auto const count = plan.hosts.size();
    json::array undecided_by;
    for (auto const& field : plan.found.undecided_by) undecided_by.emplace_back(field);
    co_return Reply({{"waves", waves_of(plan)}, {"count", number(count)},
        {"online", number(count - plan.offline.size())}, {"offline", number(plan.offline.size())},
        {"undecided", number(plan.found.undecided)}, {"undecided_by", std::move(undecided_by)},
        {"rests_on_facts", plan.found.rests_on_facts ? "true" : "false"},
        {"worst", number(worst_of(count, plan.limits))},
        {"offline_hosts", first_of(plan.offline, most_offline)}, {"windows", windows_of(closed, zone_)},
        {"digest", plan.digest}});
}

asio::awaitable<Reply> RunService::begin(RunSpec spec, Caller caller)
{
    auto const [run, digest] = co_await runs_.begin(std::move(spec), std::move(caller));
    co_return Reply({{"id", run->id.text()}, {"state", state_text(run->state)},
        {"count", number(run->host_count)}, {"digest", digest}});
}

/// Throws Error 417.1 where there is none, 401.6 where the key may not see what it runs.
asio::awaitable<std::shared_ptr<FleetRun const>> RunService::visible(TaskId id, Caller caller)
{
    auto run = co_await runs_.find(id);
    if (!caller.may_run(run->spec.ins.ins))
        throw Error(codes::forbidden, "key " + caller.by() + " has no rights on what run " + id.text() +
                                          " runs; its apps would have to hold it");
    co_return run;
}

json::object RunService::head_of(RunHead const& run) const
{
    auto fields = run.spec.to_json();
    auto const time = [&](std::optional<Instant> const& at) { return at ? zone_.text(*at) : std::string(); };
    fields["id"] = run.id.text();
    fields["state"] = state_text(run.state);
    fields["why"] = why_text(run.why);
    fields["by"] = run.by;
    fields["from"] = run.from;
    fields["of"] = run.retry_of ? run.retry_of->text() : std::string();
    fields["create_time"] = time(run.created);
    fields["start_time"] = time(run.started);
    fields["end_time"] = time(run.ended);
    fields["wave"] = number(run.wave + 1);
    if (run.schedule) fields["schedule"] = run.schedule->text();
    if (run.fire_time) fields["fire_time"] = zone_.text(*run.fire_time);
    if (!run.skipped.empty()) fields["why"] = run.skipped;
    fields["count"] = number(run.host_count);
    fields["worst"] = number(worst_of(run.host_count, run.limits()));
    if (run.max_fail != run.spec.max_fail.of(run.host_count)) fields["max_fail"] = number(run.max_fail);
    return fields;
}

json::object RunService::counts_of(FleetRun const& run, Caller const& caller) const
{
    Runs::Counts counts;
    if (!caller.key || caller.key->has_all_ips()) {
        counts = runs_.counts_of(run);
    } else {
        for (auto const& host : run.hosts) {
            if (caller.may_touch(host.ip)) ++counts[runs_.state_of(host)];
        }
    }
    json::object fields;
    for (auto const& [state, count] : counts) fields[state] = number(count);
    return fields;
}

/// Of those that are open a bounded number of hosts is looked at in one list: `looked_at` so far.
std::optional<json::object> RunService::listed_counts(RunHead const& head, std::size_t& looked_at) const
{
    constexpr std::size_t most_looked_at = 20'000;
    auto const open = runs_.find_open(head.id);
    if (open) {
        looked_at += open->hosts.size();
        if (looked_at > most_looked_at) return std::nullopt;
        return counts_of(*open, Caller());
    }
    json::object fields;
    for (auto const& [state, count] : head.counts) fields[state] = number(count);
    return fields;
}

asio::awaitable<Reply> RunService::get(ById in, Caller caller)
{
    auto const run = co_await visible(in.id, caller);
    auto fields = head_of(*run);
    fields["wave_count"] = number(run->wave_count());
    fields["counts"] = counts_of(*run, caller);
    co_return Reply(json::object{{"run", std::move(fields)}});
}

std::optional<Instant> RunService::time_of(std::string_view field, std::string const& text) const
{
    if (text.empty()) return std::nullopt;
    auto const at = zone_.parse(text);
    if (!at)
        throw Error(
            codes::bad_field, "`" + std::string(field) + "` is \"" + text + "\"; give YYYY-MM-DD HH:MM:SS");
    return at;
}

asio::awaitable<Reply> RunService::list(List in, Caller caller)
{
    run_records::Filter filter;
    filter.limit = page_limit(in.limit);
    if (!in.state.empty() && !parse_run_state(in.state))
        throw Error(codes::bad_field,
            "`state` is \"" + in.state +
                "\"; give pending, running, paused, done, partial, stopped, canceled, expired or skipped");
    filter.state = in.state;
    filter.by = in.by;
    filter.app = in.app;
    filter.func = in.func;
    filter.agent = in.agentip;
    filter.schedule = in.schedule;
    filter.since = time_of("since", in.since);
    filter.until = time_of("until", in.until);
    filter.after = in.after;
    std::function<std::vector<RunHead>(Db&)> look = [filter](
                                                        Db& db) { return run_records::list(db, filter); };
    auto found = co_await store_.scan(std::move(look));
    Reply reply;
    if (found.size() > filter.limit) {
        found.resize(filter.limit);
        reply.fields()["next"] = found.back().id.text();
    }
    bool const has_all_ips = !caller.key || caller.key->has_all_ips();
    std::size_t looked_at = 0;
    json::array runs;
    for (auto const& run : found) {
        if (!caller.may_run(run.spec.ins.ins)) continue;
        auto row = head_of(run);
        row["ins"].as_object().erase("param");
        if (auto counts = has_all_ips ? listed_counts(run, looked_at) : std::nullopt)
            row["counts"] = std::move(*counts);
        runs.push_back(std::move(row));
    }
    reply.fields()["runs"] = std::move(runs);
    co_return reply;
}

asio::awaitable<Reply> RunService::hosts(Hosts in, Caller caller)
{
    auto const most = page_limit(in.limit);
    auto const first = begin_of(in.after);
    if (in.wave && *in.wave < 1)
        throw Error(codes::bad_field, "`wave` is " + std::to_string(*in.wave) + "; give 1 for the first");
    auto const run = co_await visible(in.id, caller);
    json::array rows;
    Reply reply;
    for (auto place = first; place < run->hosts.size(); ++place) {
        auto const& host = run->hosts[place];
        auto const state = runs_.state_of(host);
        bool const wanted = caller.may_touch(host.ip) &&
                            (in.state.states.empty() || in.state.states.contains(state)) &&
                            (!in.wave || static_cast<std::size_t>(*in.wave) == host.wave + 1);
        if (!wanted) continue;
        if (rows.size() == most) {
            reply.fields()["next"] = number(place - 1);
            break;
        }
        auto const agent = agents_.agent(host.ip);
        json::object row{{"agentip", host.ip.text()}, {"asset", agent ? agent->asset : std::string_view()},
            {"wave", number(host.wave + 1)}, {"state", state},
            {"task", host.task ? host.task->text() : std::string()}, {"exit_code", ""}, {"costtime", ""},
            {"answer", ""}};
        if (!host.waits_for.empty()) row["answer"] = "waits: " + host.waits_for;
        if (host.outcome) {
            row["exit_code"] = exit_code_text(*host.outcome);
            row["costtime"] =
                host.outcome->cost ? std::to_string(host.outcome->cost->count()) : std::string();
            row["answer"] = head_that_fits(host.outcome->answer, answer_shown);
        }
        rows.push_back(std::move(row));
    }
    reply.fields()["hosts"] = std::move(rows);
    co_return reply;
}

asio::awaitable<Reply> RunService::answers(Hosts in, Caller caller)
{
    constexpr std::size_t most_hosts = 10;
    auto const most = page_limit(in.limit);
    auto const first = begin_of(in.after);
    auto const run = co_await visible(in.id, caller);
    struct Said {
        std::string state, exit_code, text;
        auto operator<=>(Said const&) const = default;
    };
    std::map<Said, std::vector<Ip>> groups;
    for (auto const& host : run->hosts) {
        if (!host.outcome || !caller.may_touch(host.ip)) continue;
        groups[{host.outcome->state, exit_code_text(*host.outcome), host.outcome->answer}].push_back(host.ip);
    }
    std::vector<std::pair<Said const, std::vector<Ip>> const*> sorted;
    for (auto const& group : groups) sorted.push_back(&group);
    std::stable_sort(sorted.begin(), sorted.end(),
        [](auto const* a, auto const* b) { return a->second.size() > b->second.size(); });
    json::array rows;
    Reply reply;
    for (auto at = first; at < sorted.size(); ++at) {
        if (rows.size() == most) {
            reply.fields()["next"] = number(at - 1);
            break;
        }
        auto const& [said, from] = *sorted[at];
        rows.push_back(json::object{{"count", number(from.size())}, {"state", said.state},
            {"exit_code", said.exit_code}, {"text", said.text}, {"hosts", first_of(from, most_hosts)}});
    }
    reply.fields()["answers"] = std::move(rows);
    co_return reply;
}

asio::awaitable<Reply> RunService::steer(Steering in, Caller caller)
{
    static_cast<void>(co_await visible(in.id, caller));
    auto const run = co_await runs_.steer(in.id, in.action.what, std::move(in.max_fail), std::move(caller));
    co_return Reply({{"state", state_text(run.state)}, {"why", why_text(run.why)}});
}

Method::Answer RunService::retry(JsonValue const& call, Caller const& caller)
{
    return retry_with(JsonDocument(call), caller);
}

/// The fields that are given stand in place of the old run's.
asio::awaitable<Reply> RunService::retry_with(JsonDocument call, Caller caller)
{
    auto const* const id = call.find("id");
    if (!id) throw_missing(codes::bad_id, "id", FieldType<TaskId>::name);
    auto const of = FieldType<TaskId>::read("id", *id);
    auto const* const states = call.find("states");
    if (!states) throw_missing(codes::bad_field, "states", FieldType<RunHostStates>::name);
    auto const wanted = FieldType<RunHostStates>::read("states", *states);
    for (auto const& state : wanted.states) {
        static std::set<std::string> const retried{
            "failed", "timeout", "lost", "undelivered", "expired", "canceled", "not_started"};
        if (!retried.contains(state))
            throw Error(codes::bad_field,
                "`states` has " + state +
                    "; give some of failed, timeout, lost, undelivered, expired, canceled, not_started");
    }
    auto const old = co_await visible(of, caller);
    auto fields = old->spec.to_json();
    for (auto const* const name : {"at", "late", "deadline", "digest", "dedup"}) fields.erase(name);
    for (auto const& field : RunSpec::fields()) {
        auto const* const given = call.find(field.info.name);
        bool const is_given = given && !(given->is_string() && given->string().empty());
        if (is_given) fields[field.info.name] = json::parse(json_text(*given));
    }
    auto const merged = JsonDocument::parse(json::serialize(fields));
    static auto const all = RunSpec::fields();
    auto spec = read_fields(all, merged.root(), caller, true);
    auto const [run, digest] = co_await runs_.retry(of, wanted.states, std::move(spec), std::move(caller));
    co_return Reply({{"id", run->id.text()}, {"count", number(run->host_count)}, {"of", of.text()}});
}

asio::awaitable<Reply> RunService::watch(Watch in, Caller caller)
{
    if (in.since < 0)
        throw Error(codes::bad_field, "`since` is " + std::to_string(in.since) + "; give 0 or more");
    static_cast<void>(co_await visible(in.id, caller));
    auto const news = co_await runs_.watch(in.id, static_cast<std::uint64_t>(in.since));
    auto const run = co_await runs_.find(in.id);
    json::array ended;
    for (auto const& [ip, state] : news.ended) {
        if (caller.may_touch(ip)) ended.push_back(json::object{{"agentip", ip.text()}, {"state", state}});
    }
    co_return Reply(
        {{"seq", std::to_string(news.seq)}, {"state", state_text(news.state)}, {"why", why_text(news.why)},
            {"wave", number(run->wave + 1)}, {"wave_count", number(run->wave_count())},
            {"counts", counts_of(*run, caller)}, {"ended", std::move(ended)}});
}

} // namespace elves
