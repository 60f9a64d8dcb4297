#include "heartbeat.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <limits>
#include <set>
#include <utility>

#include "agent_fields.hpp"
#include "elves/log.hpp"
#include "elves/lower_case.hpp"
#include "elves/page.hpp"
#include "elves/text_fit.hpp"

namespace elves {

namespace {

constexpr std::chrono::seconds second{1};
/// Between the end of a link and its closing: what was asked on it meanwhile is answered.
constexpr std::chrono::milliseconds before_close{250};
/// In one call, and one transaction.
constexpr std::size_t most_forgotten = 1'000;
/// Of agents that were only heard, in one transaction: the next one follows at once.
constexpr std::size_t heard_at_once = 1'000;

/// In lower case; every Windows is `win`.
std::string os_name(std::string_view said)
{
    auto name = lower_case(said);
    return name.starts_with("windows") ? "win" : name;
}

/// Refuses a registration because another connection holds the address. The reply says so in a field of its
/// own, so that the agent does not take it for a key that fits another address.
class AddressHeld : public Error {
public:
    AddressHeld(Ip const& agent, std::chrono::seconds offline_after)
        : Error(codes::forbidden,
              "agent " + agent.text() +
                  " is online with another key or from another address; expected the key and the address of "
                  "the first connection. If this machine is that agent, stop the other one, or wait until it "
                  "has been silent for heartbeat.offline_after (" +
                  std::to_string(offline_after.count()) +
                  " s); otherwise give this machine another `[agent] ip`")
    {
    }
    [[nodiscard]] static json::object fields(Error const& error)
    {
        bool const is_held = dynamic_cast<AddressHeld const*>(&error) != nullptr;
        return is_held ? json::object{{"held", "true"}} : json::object();
    }
};

} // namespace

Heartbeat::Heartbeat(AgentRecords& records, Clock& clock, Zone zone, LoopExecutor loop, Agents::Bounds bounds)
    : records_(records)
    , clock_(clock)
    , zone_(zone)
    , loop_(std::move(loop))
    , agents_(std::make_shared<Agents>(clock, bounds))
{
}

void Heartbeat::configure(Section const& section)
{
    using std::chrono::seconds;
    auto const interval = section.seconds("interval", seconds(10), seconds(1), seconds(3'600));
    auto const offline_after = section.seconds("offline_after", seconds(30), seconds(2), seconds(86'400));
    if (offline_after <= interval) {
        section.refuse(
            "offline_after", std::to_string(offline_after.count()) + " is not longer than interval (" +
                                 std::to_string(interval.count()) + "); give some intervals' time");
    }
    interval_ = interval;
    offline_after_ = offline_after;
    agents_->set_offline_after(offline_after);
}

void Heartbeat::declare(MethodTable& table)
{
    table.call<ByIp>("getstatbyip", Right::read, {required("agentip", &ByIp::agentip)},
        "Is this agent online, offline or unknown?", [this](ByIp in, Caller const&) { return stat(in); });
    table
        .call<ByIp>("getinfobyip", Right::read, {required("agentip", &ByIp::agentip)},
            "What is known of one agent.", [this](ByIp in, Caller const& caller) { return info(in, caller); })
        .cut_by_app();
    table.call<ByIpList>("getstatbyiplist", Right::read, {required("iplist", &ByIpList::iplist)},
        "The same as getstatbyip for up to 10,000 agents, in the list's order.",
        [this](ByIpList in, Caller const&) { return stat_list(in); });
    table
        .call<Nothing>("getonlinestat", Right::read, {}, "How many agents are online, by operating system.",
            [this](Nothing, Caller const& caller) { return online_stat(caller); })
        .cut_by_ip();
    table.call<OnlineHistoryOf>("getonlinehistory", Right::read, {optional("step", &OnlineHistoryOf::step)},
        "How many agents were online over the last 24 hours.",
        [this](OnlineHistoryOf in, Caller const&) { return online_history(in); });
    table.call<ByIp>("getagenthistory", Right::read, {required("agentip", &ByIp::agentip)},
        "When an agent came and went over the last 30 days.",
        [this](ByIp in, Caller) { return agent_history(in); });
    table
        .call<List>("listagents", Right::read,
            {optional("status", &List::status), optional("os", &List::os),
                optional("unseen_for", &List::unseen_for), optional("after", &List::after),
                optional("limit", &List::limit)},
            "The agents by IP, in pages.", [this](List in, Caller const& caller) { return list(in, caller); })
        .cut_by_ip();
    table.call<Forget>("forgetagents", Right::manage,
        {required("iplist", &Forget::iplist), optional("force", &Forget::force),
            optional("plan", &Forget::plan)},
        "Forget machines: their records, the keys bound to just them, their cron jobs and inventory. With "
        "`plan` only say what there is.",
        [this](Forget in, Caller caller) { return forget(std::move(in), std::move(caller)); });
    table
        .call<Register>("register", Right::report,
            {required("agentip", &Register::agentip), optional("asset", &Register::asset),
                optional("os", &Register::os), optional("version", &Register::version),
                optional("starttime", &Register::starttime), optional("hw_config", &Register::hw_config),
                optional("apps", &Register::apps), optional("facts", &Register::facts)},
            "Makes this connection the agent's link.",
            [this](Register in, Caller const& caller) { return register_agent(std::move(in), caller); })
        .may_change()
        .refused_with([](Error const& error) { return Reply(AddressHeld::fields(error)); });
    table.call<Nothing>(
        "time", Right::report, {}, "The time here, UTC, in ms since 1970.", [this](Nothing, Caller const&) {
            Reply reply;
            add_time(reply.fields());
            return reply;
        });
    table.cast<Beat>("beat", Right::report,
        {optional("draining", &Beat::draining), optional("apps", &Beat::apps)},
        "The agent is still there; so says every frame on its link. With `draining` it takes nothing new "
        "until it registers again. `apps`: all of its apps, where they have changed since it registered.",
        // The link has noted that bytes came. Whoever took it for offline meanwhile hears that it is not.
        [this](Beat in, Caller const& caller) {
            auto const* const agent = agents_->of(*caller.peer);
            if (agent && agents_->is_back(*agent)) tell_linked(agent->record.ip);
            if (in.draining && agents_->set_draining(*caller.peer))
                ELVES_LOG(info, "agent.draining agent=" << agent->record.ip.text());
            if (in.apps && agents_->set_apps(*caller.peer, std::move(in.apps->versions)))
                ELVES_LOG(info, "agent.apps_changed agent=" << agent->record.ip.text());
            return Reply();
        });
}

void Heartbeat::start()
{
    agents_->take_up(records_.load());
    history_.load(records_.load_counts(clock_.now() - OnlineHistory::kept));
    missing_timer_ = clock_.after(offline_after_ + second, [this] {
        agents_->record_missing();
        is_settled_ = true;
    });
    sweep_later();
    each_second();
}

void Heartbeat::stop()
{
    sweep_timer_.stop();
    second_timer_.stop();
    cut_timer_.stop();
    missing_timer_.stop();
    agents_->note_heard(std::chrono::milliseconds(1));
    write(std::numeric_limits<std::size_t>::max());
}

void Heartbeat::cut_links_of(std::string_view key, std::string_view why)
{
    if (agents_->cut_links_of(key, why) && !cut_timer_.running())
        cut_timer_ = clock_.after(before_close, [this] {
            auto const timer = std::exchange(cut_timer_, {}); // Kept until this returns.
            agents_->close_cut();
        });
}

std::shared_ptr<Peer> Heartbeat::link(Ip const& ip) const
{
    auto const* const agent = agents_->find(ip);
    return agent && agents_->is_online(*agent) ? agent->link : nullptr;
}

std::string Heartbeat::online_by(Ip const& ip) const
{
    auto const* const agent = agents_->find(ip);
    return agent && agents_->is_online(*agent) ? agent->key : std::string();
}

std::optional<std::vector<std::string>> Heartbeat::apps_of(Ip const& ip) const
{
    auto const* const agent = agents_->find(ip);
    if (!agent) return std::nullopt;
    std::vector<std::string> apps;
    for (auto const& app : agent->record.apps) apps.emplace_back(app.key());
    return apps;
}

std::optional<Ip> Heartbeat::agent_of(Peer const& peer) const
{
    auto const* const agent = agents_->of(peer);
    return agent ? std::optional(agent->record.ip) : std::nullopt;
}

AgentView Heartbeat::view_of(Agents::Agent const& agent) const
{
    auto const& record = agent.record;
    return {record.ip, record.asset, record.os, record.version, &record.apps, &record.facts,
        agents_->is_online(agent), agents_->last_heard(agent), agent.has_registered};
}

std::optional<AgentView> Heartbeat::agent(Ip const& ip) const
{
    auto const* const agent = agents_->find(ip);
    return agent ? std::optional(view_of(*agent)) : std::nullopt;
}

std::vector<AgentView> Heartbeat::agents_behind(std::optional<Ip> const& place, std::size_t most) const
{
    std::vector<AgentView> agents;
    auto const& all = agents_->by_ip();
    for (auto at = place ? all.upper_bound(*place) : all.begin(); at != all.end() && agents.size() < most;
         ++at)
        agents.push_back(view_of(*at->second));
    return agents;
}

json::object Heartbeat::listed(Ip const& ip) const
{
    auto const* const agent = agents_->find(ip);
    return agent ? entry_of(*agent) : json::object{{"agentip", ip.text()}, {"status", "unknown"}};
}

Reply Heartbeat::stat(ByIp const& in) const { return {{"status", status_of(in.agentip)}}; }

Reply Heartbeat::info(ByIp const& in, Caller const& caller) const
{
    auto const* const agent = agents_->find(in.agentip);
    if (!agent) throw Error(codes::no_agent, "agent " + in.agentip.text() + " has never been seen");
    auto fields = entry_of(*agent);
    fields.erase("agentip");
    fields["hw_config"] = agent->record.hw_config;
    fields["cronlist"] = crons_of(in.agentip, caller);
    if (!agent->claimed_from.empty()) {
        fields["claimed_from"] = agent->claimed_from;
        fields["claimed_time"] = zone_.text(agent->claimed);
    }
    return Reply(std::move(fields));
}

Reply Heartbeat::stat_list(ByIpList const& in) const
{
    json::array status;
    status.reserve(in.iplist.size());
    for (auto const& ip : in.iplist) status.emplace_back(status_of(ip));
    return Reply(json::object{{"status", std::move(status)}});
}

Reply Heartbeat::online_stat(Caller const& caller) const
{
    auto const count = agents_->count([&](Ip const& agent) { return caller.may_touch(agent); });
    json::object stat{{"totalonline", std::to_string(count.online)}, {"linuxonline", "0"}, {"winonline", "0"},
        {"totalknown", std::to_string(count.known)}};
    for (auto const& [os, online] : count.online_by_os) {
        if (os != "total") stat[os + "online"] = std::to_string(online);
    }
    return Reply(json::object{{"stat", std::move(stat)}});
}

/// Of all agents, whatever addresses the key has: a number names none of them.
Reply Heartbeat::online_history(OnlineHistoryOf const& in) const
{
    using std::chrono::minutes;
    auto const width = std::chrono::duration_cast<minutes>(in.step);
    bool const is_whole = in.step == width;
    if (!is_whole || width < OnlineHistory::step || width > minutes(60) || minutes(60) % width != minutes(0))
        throw Error(
            codes::bad_field, "`step` is " + std::to_string(in.step.count()) +
                                  "; give 60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800 or 3600 "
                                  "seconds");
    json::array counts;
    for (auto const& count : history_.grouped(clock_.now(), width))
        counts.push_back(json::object{{"time", zone_.text(count.at)},
            {"online", std::to_string(count.online)}, {"known", std::to_string(count.known)}});
    return {{"step", std::to_string(in.step.count())}, {"counts", std::move(counts)}};
}

asio::awaitable<Reply> Heartbeat::agent_history(ByIp in)
{
    if (!agents_->find(in.agentip))
        throw Error(codes::no_agent, "agent " + in.agentip.text() + " has never been seen");
    auto const since = clock_.now() - AgentRecords::turns_kept;
    auto const history = co_await records_.history(in.agentip, since);
    auto const word = [](bool is_up) { return is_up ? "online" : "offline"; };
    json::array changes;
    for (auto const& turn : history.turns)
        changes.push_back(json::object{{"time", zone_.text(turn.at)}, {"status", word(turn.is_up)}});
    co_return Reply(json::object{{"since", zone_.text(since)},
        {"before", history.was_up ? word(*history.was_up) : "unknown"}, {"changes", std::move(changes)}});
}

Reply Heartbeat::list(List const& in, Caller const& caller) const
{
    auto const most = page_limit(in.limit);
    auto const os = os_name(in.os.text);
    auto const heard_before = in.unseen_for ? std::optional(clock_.now() - *in.unseen_for) : std::nullopt;
    auto const wanted = [&](Agents::Agent const& agent) {
        if (heard_before && (agents_->is_online(agent) || agents_->last_heard(agent) > *heard_before))
            return false;
        return (os.empty() || agent.record.os == os) && caller.may_touch(agent.record.ip) &&
               (!in.status || in.status->online == agents_->is_online(agent));
    };
    auto const& all = agents_->by_ip();
    json::array agents;
    std::string last;
    std::size_t bytes = 0;
    for (auto at = in.after ? all.upper_bound(in.after->ip) : all.begin(); at != all.end(); ++at) {
        if (!wanted(*at->second)) continue;
        if (agents.size() == most || bytes >= page_bytes)
            return {{"agents", std::move(agents)}, {"next", last}};
        auto entry = entry_of(*at->second);
        bytes += json::serialize(entry).size();
        agents.push_back(std::move(entry));
        last = at->first.text();
    }
    return Reply(json::object{{"agents", std::move(agents)}});
}

Reply Heartbeat::register_agent(Register in, Caller const& caller)
{
    auto const agent = in.agentip;
    AgentRecord said{agent, std::move(in.asset.text), os_name(std::move(in.os.text)),
        std::move(in.version.text), std::move(in.starttime.text), std::move(in.hw_config),
        std::move(in.apps.versions), std::move(in.facts.values), {}, {}, {}, false};
    refuse_where_held(agent, caller, said.asset);
    auto const* const linked = agents_->of(*caller.peer);
    bool const watched = linked != nullptr;
    // One that registers again on its own connection has not moved.
    auto const moved_from = watched && linked->record.ip == agent
                                ? std::string()
                                : agents_->moved_from(agent, *caller.peer, caller.by());
    agents_->link(std::move(said), caller.peer, caller.by());
    if (!moved_from.empty()) note_move(agent, moved_from, caller);
    if (!watched) watch(caller.peer);
    tell_linked(agent);
    ELVES_LOG(info, "agent " << agent.text() << " registered from " << caller.peer->address());
    json::object fields{{"interval", interval_.count()}, {"offline_after", offline_after_.count()},
        {"timezone", zone_.name()}};
    add_time(fields);
    for (auto const& add_fields : on_register_) add_fields(fields);
    return Reply(std::move(fields));
}

asio::awaitable<Reply> Heartbeat::forget(Forget in, Caller caller)
{
    std::set<Ip> const distinct(in.iplist.begin(), in.iplist.end());
    std::vector<Ip> const agents(distinct.begin(), distinct.end());
    if (agents.empty() || agents.size() > most_forgotten)
        throw Error(codes::bad_field, "`iplist` has " + std::to_string(agents.size()) +
                                          " addresses; give 1 to " + std::to_string(most_forgotten));
    json::array shown;
    std::vector<Belongings> all;
    std::string online;
    bool is_any = false;
    for (auto const& ip : agents) {
        auto const* const agent = agents_->find(ip);
        json::object entry{{"agentip", ip.text()}, {"status", status_of(ip)},
            {"asset", agent ? agent->record.asset : ""},
            {"last_hb_time", agent ? zone_.text(agents_->last_heard(*agent)) : ""}};
        is_any = is_any || agent;
        if (agent && agents_->is_online(*agent)) online += (online.empty() ? "" : ", ") + ip.text();
        for (auto const& part : parts_) {
            auto belongings = part(ip);
            is_any = is_any || belongings.is_any;
            for (auto const& field : belongings.shown) entry[field.key()] = field.value();
            all.push_back(std::move(belongings));
        }
        shown.push_back(std::move(entry));
    }
    Reply reply(json::object{{"agents", std::move(shown)}});
    if (in.plan) co_return reply;
    if (!online.empty() && !in.force)
        throw Error(codes::bad_field,
            "`iplist` has agents that are online: " + std::string(head_that_fits(online, 500)) +
                "; stop elves-agent there first, or give `force`");
    if (!is_any) throw Error(codes::no_agent, "nothing is known of " + agents.front().text());
    auto const works = std::make_shared<std::vector<Belongings>>(std::move(all));
    Store::Work also = [works](Db& db) {
        for (auto const& part : *works) {
            if (part.erase) part.erase(db);
        }
    };
    also = together(std::move(also), caller.also(agents.front().text()));
    co_await records_.erase(agents, std::move(also));
    for (auto const& part : *works) {
        if (part.on_erased) part.on_erased();
    }
    finish_forgetting(agents, in.force, caller);
    co_return reply;
}

void Heartbeat::finish_forgetting(std::vector<Ip> const& agents, bool is_forced, Caller const& caller)
{
    for (auto const& ip : agents) {
        bool const is_gone = agents_->forget(ip, is_forced);
        ELVES_LOG(info, "agent.forgotten agent=" << ip.text()
                                                 << " by=" << (caller.by().empty() ? "-" : caller.by())
                                                 << (is_gone ? "" : ": it has just registered again"));
    }
}

/// With `clock` where the clock was set since the start: a limit that was told before means another time.
void Heartbeat::add_time(json::object& fields) const
{
    fields["time"] = clock_.now().time_since_epoch().count();
    if (auto const shift = clock_shift_.get(); shift.count() != 0) fields["clock"] = shift.count();
}

void Heartbeat::refuse_where_held(Ip const& agent, Caller const& caller, std::string const& asset)
{
    auto const held = agents_->held_against(agent, *caller.peer, caller.by(), asset);
    if (!held) return;
    if (held->should_log)
        ELVES_LOG(warning, "agent.register_refused agent="
                               << agent.text() << " peer=" << caller.peer->address() << " key=" << caller.by()
                               << " held_by_peer=" << held->by << " unlogged=" << held->unlogged);
    throw AddressHeld(agent, offline_after_);
}

/// A link from elsewhere than the one before is in the log and in the audit trail. Agents connect again all
/// the time: one that comes from where it was leaves nothing.
void Heartbeat::note_move(Ip const& agent, std::string const& moved_from, Caller const& caller)
{
    ELVES_LOG(info, "agent.moved agent=" << agent.text() << " peer=" << caller.peer->address()
                                         << " key=" << caller.by() << " before=\"" << moved_from << '"');
    if (auto write = caller.also(moved_from)) agents_->add_audit_write(std::move(write));
}

void Heartbeat::watch(std::shared_ptr<Peer> const& peer)
{
    peer->keep_when_idle();
    // The table holds a link until it has ended, so that a pointer that it knows is no other connection's.
    peer->on_close([weak = std::weak_ptr(agents_), was = peer.get()] {
        if (auto const agents = weak.lock()) agents->unlink(was);
    });
}

void Heartbeat::tell_linked(Ip const& agent)
{
    // Later in the loop: the reply to `register` goes first.
    asio::post(loop_, [this, weak = std::weak_ptr(agents_), agent] {
        if (weak.expired()) return;
        for (auto const& then : on_link_) then(agent);
    });
}

std::string_view Heartbeat::status_of(Ip const& ip) const
{
    auto const* const agent = agents_->find(ip);
    if (!agent) return "unknown";
    return agents_->is_online(*agent) ? "online" : "offline";
}

json::object Heartbeat::entry_of(Agents::Agent const& agent) const
{
    auto const& record = agent.record;
    bool const is_online = agents_->is_online(agent);
    json::object entry{{"agentip", record.ip.text()}, {"status", is_online ? "online" : "offline"},
        {"asset", record.asset}, {"os", record.os}, {"version", record.version},
        {"agent_starttime", record.starttime}, {"last_hb_time", zone_.text(agents_->last_heard(agent))},
        {"apps", record.apps}};
    if (is_online && agent.is_draining) entry["draining"] = "true";
    return entry;
}

json::array Heartbeat::crons_of(Ip const& ip, Caller const& caller) const
{
    json::array ids;
    if (!crons_) return ids;
    for (auto const& id : crons_(ip, caller)) ids.emplace_back(id.text());
    return ids;
}

void Heartbeat::sweep_later()
{
    // Who is online doesn't hang on it: it only closes what has been silent.
    auto const pause = std::max<std::chrono::milliseconds>(offline_after_ / 4, std::chrono::seconds(1));
    sweep_timer_ = clock_.after(pause, [this] { sweep_some(); });
}

/// A few in one turn of the loop.
void Heartbeat::sweep_some()
{
    if (!agents_->sweep_some()) return sweep_later();
    sweep_timer_ = clock_.after(std::chrono::milliseconds(1), [this] { sweep_some(); });
}

void Heartbeat::each_second()
{
    second_timer_ = clock_.after(second, [this] {
        agents_->tick();
        if (!writing_) write(heard_at_once);
        count_online();
        each_second();
    });
}

/// Not while agents are still on their way back after a start.
void Heartbeat::count_online()
{
    auto const now = clock_.now();
    if (!is_settled_ || !history_.is_due(now)) return;
    auto const count = history_.add(
        now, static_cast<std::int64_t>(agents_->linked()), static_cast<std::int64_t>(agents_->known()));
    records_.save_count(count, now - OnlineHistory::kept);
}

void Heartbeat::write(std::size_t most_heard)
{
    auto const changes = std::make_shared<AgentChanges const>(agents_->take_changes(most_heard));
    if (changes->empty()) return;
    writing_ = true;
    records_.save(changes, [this, changes, weak = std::weak_ptr(agents_)](std::exception_ptr failure) {
        auto const agents = weak.lock();
        if (!agents) return;
        writing_ = false;
        if (failure) agents->give_back(*changes);
        if (failure && !cannot_write_)
            ELVES_LOG(warning, "heartbeat cannot write who was there; it tries again");
        cannot_write_ = failure != nullptr;
        if (!failure && agents->has_heard()) write(heard_at_once);
    });
}

} // namespace elves
