#include "schedule_service.hpp"

#include <algorithm>
#include <array>

#include "elves/error.hpp"
#include "elves/page.hpp"
#include "run_fields.hpp"

namespace elves {

namespace {

/// Fields of a run that mean nothing for one that begins again and again.
constexpr std::array<std::string_view, 3> not_of_schedules{"at", "digest", "dedup"};

} // namespace

/// Those of a run, and when.
std::vector<Field<ScheduleService::Set>> ScheduleService::set_fields()
{
    std::vector<Field<Set>> fields;
    for (auto& field : RunSpec::fields()) {
        auto const is_other = std::find(not_of_schedules.begin(), not_of_schedules.end(), field.info.name);
        if (is_other != not_of_schedules.end()) continue;
        fields.push_back({field.info, field.missing,
            [read = field.read](Set& in, JsonValue const& value) { read(in.spec, value); },
            [judge = field.judge](Caller const& caller, Set const& in) { judge(caller, in.spec); }});
    }
    fields.push_back(required("rule", &Set::rule));
    fields.push_back(optional("id", &Set::id));
    fields.push_back(optional("timezone", &Set::timezone));
    fields.push_back(optional("misfire", &Set::misfire));
    fields.push_back(optional("overlap", &Set::overlap));
    fields.push_back(optional("jitter", &Set::jitter));
    return fields;
}

void ScheduleService::declare(MethodTable& table)
{
    table
        .call<Set>("setschedule", Right::operate, set_fields(),
            "A run that begins again at the times of a rule; with `id` takes the place of that schedule.",
            [this](Set in, Caller caller) { return set(std::move(in), std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ById>("delschedule", Right::operate, {required("id", &ById::id)},
            "Deletes a schedule; its runs go on.",
            [this](ById in, Caller caller) { return erase(in, std::move(caller)); })
        .refuses_unknown_fields();
    table
        .call<ById>("startschedule", Right::operate, {required("id", &ById::id)},
            "Lets a stopped schedule fire again, from now on.",
            [this](ById in, Caller caller) { return set_on(in, std::move(caller), true); })
        .refuses_unknown_fields();
    table
        .call<ById>("stopschedule", Right::operate, {required("id", &ById::id)},
            "Stops a schedule: it stays, and does not fire.",
            [this](ById in, Caller caller) { return set_on(in, std::move(caller), false); })
        .refuses_unknown_fields();
    table
        .call<List>("listschedules", Right::read,
            {optional("id", &List::id), optional("by", &List::by), optional("app", &List::app),
                optional("func", &List::func), optional("after", &List::after),
                optional("limit", &List::limit), optional("times", &List::times)},
            "Schedules with their next times, in pages.",
            [this](List in, Caller const& caller) { return list(in, caller); })
        .cut_by_app()
        .refuses_unknown_fields();
}

asio::awaitable<Reply> ScheduleService::set(Set in, Caller caller)
{
    in.spec.require_sound();
    if (in.overlap == Overlap::replace)
        throw Error(codes::bad_field,
            "`overlap` is \"replace\"; give skip or allow: a run is not cut off by the next");
    engine_.require_processor(in.spec.ins.ins);
    if (in.id) co_await require_own(*in.id, caller);
    RunSchedule schedule(in.id.value_or(TaskId::random()), std::move(*in.rule));
    schedule.spec = std::move(in.spec);
    schedule.zone = in.timezone;
    schedule.misfire = in.misfire;
    schedule.overlap = in.overlap;
    schedule.jitter = in.jitter;
    schedule.by = caller.by();
    schedule.from = caller.peer ? caller.peer->ip().text() : std::string();
    schedule.created = clock_.now();
    auto const next = cron_life::next_time(schedule.life(zone_), clock_.now());
    if (!next)
        throw Error(codes::bad_rule, "`rule` is " + schedule.rule.text() + ", which has no time to come");
    // All that it names is there now; who is one of them is asked at each firing.
    static_cast<void>(co_await targets_.find_hosts(schedule.spec.target.text, caller));
    auto const id = schedule.id;
    auto also = caller.also(id.text());
    co_await schedules_.put(std::move(schedule), !in.id, std::move(also));
    co_return Reply({{"id", id.text()}, {"next_time", zone_.text(*next)}});
}

/// Who may change a schedule: the key that set it, and who manages and may touch all of its hosts.
asio::awaitable<void> ScheduleService::require_own(TaskId id, Caller caller)
{
    auto const& schedule = schedules_.find(id);
    bool const is_own = caller.by() == schedule.by;
    if ((!is_own && !caller.may(Right::manage)) || !caller.may_run(schedule.spec.ins.ins))
        throw Error(codes::forbidden, "key " + caller.by() + " has no rights on schedule " + id.text() +
                                          ": its own key, or one with the right manage, changes it");
    if (is_own || !caller.key || caller.key->has_all_ips()) co_return;
    auto target = schedule.spec.target.text;
    auto const found = co_await targets_.find_hosts(std::move(target), Caller(), true);
    for (auto const& host : found.hosts) caller.require(host);
}

asio::awaitable<Reply> ScheduleService::erase(ById in, Caller caller)
{
    co_await require_own(in.id, caller);
    auto also = caller.also();
    co_await schedules_.erase(in.id, std::move(also));
    co_return Reply(json::object{{"id", in.id.text()}});
}

asio::awaitable<Reply> ScheduleService::set_on(ById in, Caller caller, bool on)
{
    co_await require_own(in.id, caller);
    auto also = caller.also();
    co_await schedules_.set_on(in.id, on, std::move(also));
    co_return Reply({{"id", in.id.text()}, {"on", on ? "true" : "false"}});
}

Reply ScheduleService::list(List const& in, Caller const& caller) const
{
    constexpr std::int64_t most_times = 20;
    auto const most = page_limit(in.limit);
    if (in.times < 0 || in.times > most_times)
        throw Error(codes::bad_field, "`times` is " + std::to_string(in.times) + "; give 0 to 20");
    auto const& all = schedules_.all();
    json::array rows;
    std::size_t bytes = 0;
    Reply reply;
    for (auto at = in.after ? all.upper_bound(*in.after) : all.begin(); at != all.end(); ++at) {
        auto const& schedule = at->second->schedule;
        auto const& ins = schedule.spec.ins.ins;
        bool const fits = caller.may_run(ins) && (!in.id || *in.id == schedule.id) &&
                          (!in.by || *in.by == schedule.by) && (in.app.empty() || in.app == ins.app) &&
                          (in.func.empty() || in.func == ins.func);
        if (!fits) continue;
        if (rows.size() == most || bytes >= page_bytes) {
            reply.fields()["next"] = std::prev(at)->first.text();
            break;
        }
        auto row = listed(*at->second, in.times);
        bytes += json::serialize(row).size();
        rows.push_back(std::move(row));
    }
    reply.fields()["schedules"] = std::move(rows);
    return reply;
}

/// As `next_times` of cron jobs.
json::object ScheduleService::listed(Schedules::Entry const& entry, std::int64_t times) const
{
    auto const& schedule = entry.schedule;
    auto fields = schedule.spec.to_json();
    fields["id"] = schedule.id.text();
    fields["rule"] = schedule.rule.text();
    fields["timezone"] = schedule.zone_or(zone_).name();
    fields["misfire"] = misfire_text(schedule.misfire);
    fields["overlap"] = overlap_text(schedule.overlap);
    fields["jitter"] = std::to_string(schedule.jitter.most.count());
    fields["on"] = schedule.on ? "true" : "false";
    fields["by"] = schedule.by;
    fields["from"] = schedule.from;
    fields["create_time"] = zone_.text(schedule.created);
    auto next = schedule.on ? entry.state.next : std::nullopt;
    fields["next_time"] = next ? zone_.text(*next) : std::string();
    json::array next_times;
    auto const life = schedule.life(zone_);
    for (; next && next_times.size() < static_cast<std::size_t>(times);
         next = cron_life::next_time(life, *next)) {
        next_times.push_back(json::object{{"fire_time", zone_.text(*next)},
            {"due", zone_.text(*next + life.delay)}, {"local", life.zone.text(*next)}});
    }
    fields["next_times"] = std::move(next_times);
    return fields;
}

} // namespace elves
