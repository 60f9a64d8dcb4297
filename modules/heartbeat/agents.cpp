#include "agents.hpp"

#include <algorithm>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

/// How often it is written when a linked agent was heard. What a crash may lose, and what keeps beats off the
/// disk.
constexpr std::chrono::minutes heard_step{1};
/// A tick that is so late means that we were held up.
constexpr std::chrono::seconds late_tick{3};
/// Between two log lines about refused registrations of one agent.
constexpr std::chrono::minutes refusal_log_interval{1};
/// Audit rows that wait for the disk.
constexpr std::size_t most_audit_writes = 10'000;

/// What an agent takes beside its texts: itself, its places in the maps. And each of its apps and facts.
constexpr std::size_t beside_texts = 1024;
constexpr std::size_t beside_an_entry = 96;

std::size_t bytes_in_memory(AgentRecord const& agent)
{
    auto bytes = beside_texts + agent.asset.size() + agent.os.size() + agent.version.size() +
                 agent.starttime.size() + agent.hw_config.size() + agent.linked_by.size();
    for (auto const* const entries : {&agent.apps, &agent.facts}) {
        for (auto const& [name, text] : *entries)
            bytes += beside_an_entry + name.size() + (text.is_string() ? text.get_string().size() : 0);
    }
    return bytes;
}

} // namespace

void Agents::take_up(std::vector<AgentRecord> records)
{
    for (auto& record : records) {
        auto& agent = keep(std::move(record));
        agent.is_recorded_up = agent.record.is_up;
    }
}

void Agents::record_missing()
{
    for (auto const& [ip, agent] : agents_)
        if (agent.is_recorded_up && !agent.link) turned_.insert(ip);
}

/// What grows nothing is never refused: what was loaded may be over a bound.
void Agents::require_room(AgentRecord const& said) const
{
    auto const* const known = find(said.ip);
    if (!known && agents_.size() >= bounds_.all) {
        throw Error(codes::too_much, "there are " + std::to_string(bounds_.all) +
                                         " agents already, which is as many as this server keeps");
    }
    auto const bytes = bytes_in_memory(said);
    auto const before = known ? bytes_in_memory(known->record) : 0;
    if (bytes > before && bytes_ + (bytes - before) > bounds_.all_bytes) {
        throw Error(codes::too_much, "what all agents say of themselves would take more than " +
                                         std::to_string(bounds_.all_bytes) +
                                         " bytes; shorten `hw_config`, or name fewer `apps` and `facts`");
    }
}

Agents::Agent& Agents::keep(AgentRecord record)
{
    auto const [at, is_new] = agents_.try_emplace(record.ip);
    auto& agent = at->second;
    if (is_new) {
        by_ip_.emplace(record.ip, &agent);
    } else {
        bytes_ -= bytes_in_memory(agent.record);
    }
    bytes_ += bytes_in_memory(record);
    if (agent.link) {
        app_versions_.remove(agent.record.apps);
        app_versions_.add(record.apps);
    }
    agent.record = std::move(record);
    return agent;
}

/// `holder` has a link.
void Agents::note_claim(
    Agent const& holder, AddressContests::How how, Peer const& peer, std::string const& asset)
{
    auto const named = [](Ip const& from, std::string const& host) {
        return from.text() + " (" + host + ")";
    };
    auto const line = contests_.note(holder.record.ip,
        {how, named(peer.ip(), asset), named(holder.link->ip(), holder.record.asset)}, clock_.steady());
    if (line) ELVES_LOG(warning, "agent.contested " << *line);
}

std::optional<Agents::Held> Agents::held_against(
    Ip const& ip, Peer const& peer, std::string_view key, std::string const& asset)
{
    auto const found = agents_.find(ip);
    if (found == agents_.end()) return std::nullopt;
    auto& agent = found->second;
    if (!is_online(agent) || agent.link.get() == &peer) return std::nullopt;
    // Nothing that the connection says of itself counts, such as its host name: anyone can say that.
    if (agent.key == key && agent.link->ip() == peer.ip()) return std::nullopt;
    note_claim(agent, AddressContests::How::refused, peer, asset);
    agent.claimed_from = peer.address();
    agent.claimed = clock_.now();
    auto const now = clock_.steady();
    bool const should_log = !agent.refusal_logged || now - *agent.refusal_logged >= refusal_log_interval;
    Held held{agent.link->address(), should_log, agent.refusals_unlogged};
    if (should_log) agent.refusal_logged = now;
    agent.refusals_unlogged = should_log ? 0 : agent.refusals_unlogged + 1;
    return held;
}

std::string Agents::moved_from(Ip const& ip, Peer const& peer, std::string_view key) const
{
    auto const* const agent = find(ip);
    if (!agent || agent->record.linked_from.empty()) return {};
    auto const& record = agent->record;
    if (record.linked_by != key)
        return record.linked_from + " " + (record.linked_by.empty() ? "-" : record.linked_by);
    return record.linked_from == peer.ip().text() ? std::string() : record.linked_from;
}

void Agents::add_audit_write(std::function<void(Db&)> write)
{
    if (audit_writes_.size() < most_audit_writes) return audit_writes_.push_back(std::move(write));
    ELVES_LOG(error, "audit.row_dropped method=heartbeat.register waiting=" << audit_writes_.size());
}

void Agents::link(AgentRecord said, std::shared_ptr<Peer> peer, std::string key)
{
    said.linked_from = peer->ip().text();
    said.linked_by = key;
    require_room(said);
    auto const before = agents_.find(said.ip);
    if (before != agents_.end() && before->second.link && before->second.link != peer)
        note_claim(before->second, AddressContests::How::replaced, *peer, said.asset);
    auto& agent = keep(std::move(said));
    auto const linked = links_.find(peer.get());
    if (linked != links_.end() && linked->second != &agent) end_link(*linked->second);
    if (agent.link && agent.link != peer) {
        close_link(agent, "agent " + agent.record.ip.text() + " has a new link, from " + peer->address());
    }
    agent.record.last_heard = clock_.now();
    links_[peer.get()] = &agent;
    if (!agent.link) app_versions_.add(agent.record.apps);
    agent.link = std::move(peer);
    agent.has_registered = true;
    agent.was_called_silent = false;
    agent.is_draining = false;
    ++link_counts_.registered;
    ++version_;
    agent.key = std::move(key);
    registered_.insert(agent.record.ip);
    turned_.insert(agent.record.ip);
}

void Agents::unlink(Peer const* peer)
{
    if (auto const found = links_.find(peer); found != links_.end()) end_link(*found->second);
}

void Agents::end_link(Agent& agent)
{
    agent.record.last_heard = last_heard(agent);
    heard_.insert(agent.record.ip);
    turned_.insert(agent.record.ip);
    app_versions_.remove(agent.record.apps);
    links_.erase(agent.link.get());
    agent.link.reset();
    ++link_counts_.ended;
    ++version_;
}

void Agents::close_link(Agent& agent, std::string const& why)
{
    auto const peer = agent.link;
    end_link(agent);
    peer->close(why);
}

bool Agents::cut_links_of(std::string_view key, std::string_view why)
{
    std::vector<Agent*> cut;
    for (auto const& [peer, agent] : links_) {
        if (agent->key == key) cut.push_back(agent);
    }
    auto const reason = key.empty() ? "that it needs no key " + std::string(why)
                                    : "key " + std::string(key) + " " + std::string(why);
    for (auto* const agent : cut) {
        ELVES_LOG(info, "agent.cut_off agent=" << agent->record.ip.text()
                                               << " key=" << (key.empty() ? "-" : key) << ": " << reason);
        cut_.push_back({agent->link, reason});
        end_link(*agent);
    }
    return !cut.empty();
}

bool Agents::forget(Ip const& ip, bool is_forced)
{
    auto const found = agents_.find(ip);
    if (found == agents_.end()) return true;
    auto& agent = found->second;
    if (agent.link && is_online(agent) && !is_forced) {
        // Its record has just been deleted on disk.
        registered_.insert(ip);
        turned_.insert(ip);
        agent.is_recorded_up = false;
        return false;
    }
    if (agent.link) close_link(agent, "agent " + ip.text() + " was forgotten");
    bytes_ -= bytes_in_memory(agent.record);
    by_ip_.erase(ip);
    registered_.erase(ip);
    heard_.erase(ip);
    turned_.erase(ip);
    agents_.erase(found);
    ++version_;
    return true;
}

void Agents::close_cut()
{
    for (auto const& [link, why] : std::exchange(cut_, {})) {
        if (!links_.contains(link.get())) link->close(why);
    }
}

void Agents::tick()
{
    auto const now = clock_.steady();
    auto const late = now - ticked_;
    ticked_ = now;
    if (late < late_tick) return;
    awake_ = now;
    if (links_.empty()) return;
    ELVES_LOG(warning, "the server was held up for "
                           << std::chrono::duration_cast<std::chrono::milliseconds>(late).count()
                           << " ms; agents have their time anew before one counts as offline");
}

Clock::Steady::duration Agents::silence(Peer const& link) const
{
    auto const heard = awake_ ? std::max(link.last_heard(), *awake_) : link.last_heard();
    return ticked_ - heard;
}

bool Agents::sweep_some()
{
    constexpr std::size_t agents_of_turn = 512;
    auto at = swept_to_ ? by_ip_.upper_bound(*swept_to_) : by_ip_.begin();
    for (std::size_t i = 0; i < agents_of_turn && at != by_ip_.end(); ++i, ++at) {
        swept_to_ = at->first;
        if (!at->second->link) continue;
        auto& agent = agents_.at(at->first);
        if (silence(*agent.link) > offline_after_) {
            auto const name = "agent " + agent.record.ip.text();
            ELVES_LOG(info, name << " fell silent on " << agent.link->address());
            close_link(agent, name + " was silent for longer than heartbeat.offline_after");
        } else if (is_newly_heard(agent, heard_step)) {
            heard_.insert(at->first);
        }
    }
    if (at != by_ip_.end()) return true;
    swept_to_.reset();
    return false;
}

void Agents::note_heard(std::chrono::milliseconds step)
{
    for (auto const& [peer, agent] : links_) {
        if (is_newly_heard(*agent, step)) heard_.insert(agent->record.ip);
    }
}

bool Agents::is_newly_heard(Agent const& agent, std::chrono::milliseconds step) const
{
    return last_heard(agent) - agent.record.last_heard >= step;
}

Agents::Agent const* Agents::find(Ip const& ip) const
{
    auto const found = agents_.find(ip);
    return found == agents_.end() ? nullptr : &found->second;
}

Agents::Agent const* Agents::of(Peer const& peer) const
{
    auto const found = links_.find(&peer);
    return found == links_.end() ? nullptr : found->second;
}

bool Agents::set_draining(Peer const& peer)
{
    auto const found = links_.find(&peer);
    bool const is_new = found != links_.end() && !std::exchange(found->second->is_draining, true);
    if (is_new) ++version_;
    return is_new;
}

bool Agents::set_apps(Peer const& peer, json::object apps)
{
    auto const found = links_.find(&peer);
    if (found == links_.end() || found->second->record.apps == apps) return false;
    auto record = found->second->record;
    record.apps = std::move(apps);
    require_room(record);
    registered_.insert(record.ip);
    keep(std::move(record));
    return true;
}

bool Agents::is_online(Agent const& agent) const
{
    if (!agent.link || !agent.link->is_open()) return false;
    bool const is_silent = silence(*agent.link) > offline_after_;
    if (is_silent && !std::exchange(agent.was_called_silent, true)) ++version_;
    return !is_silent;
}

Instant Agents::last_heard(Agent const& agent) const
{
    if (!agent.link) return agent.record.last_heard;
    auto const ago = clock_.steady() - agent.link->last_heard();
    return clock_.now() - std::chrono::duration_cast<std::chrono::milliseconds>(ago);
}

Agents::Count Agents::count(std::function<bool(Ip const&)> const& is_seen) const
{
    Count count;
    // Each is asked, for silence changes the count without an event. Some milliseconds for 50,000 of them.
    for (auto const& [ip, agent] : agents_) {
        if (!is_seen(ip)) continue;
        ++count.known;
        auto const online = is_online(agent) ? 1U : 0U;
        count.online += online;
        if (!agent.record.os.empty()) count.online_by_os[agent.record.os] += online;
    }
    return count;
}

AgentChanges Agents::take_changes(std::size_t most_heard)
{
    AgentChanges changes;
    auto const brought_up = [this](Ip const& ip) -> AgentRecord const& {
        auto& agent = agents_.at(ip);
        agent.record.last_heard = last_heard(agent);
        return agent.record;
    };
    changes.registered.reserve(registered_.size());
    for (auto const& ip : registered_) changes.registered.push_back(brought_up(ip));
    for (auto at = heard_.begin(); at != heard_.end() && changes.heard.size() < most_heard;
         at = heard_.erase(at)) {
        if (!registered_.contains(*at)) changes.heard.push_back({*at, brought_up(*at).last_heard});
    }
    registered_.clear();
    // What came and went since then, or went and came, is as it was.
    for (auto const& ip : std::exchange(turned_, {})) {
        auto& agent = agents_.at(ip);
        bool const is_up = agent.link != nullptr;
        if (std::exchange(agent.is_recorded_up, is_up) == is_up) continue;
        changes.turns.push_back({ip, is_up ? clock_.now() : last_heard(agent), is_up});
    }
    changes.audit_writes = std::exchange(audit_writes_, {});
    return changes;
}

void Agents::give_back(AgentChanges const& changes)
{
    // Those that were forgotten meanwhile have nothing to write.
    for (auto const& agent : changes.registered) {
        if (agents_.contains(agent.ip)) registered_.insert(agent.ip);
    }
    for (auto const& heard : changes.heard) {
        if (agents_.contains(heard.ip)) heard_.insert(heard.ip);
    }
    for (auto const& turn : changes.turns) {
        auto const found = agents_.find(turn.ip);
        if (found == agents_.end()) continue;
        found->second.is_recorded_up = !turn.is_up;
        turned_.insert(turn.ip);
    }
    audit_writes_.insert(audit_writes_.begin(), changes.audit_writes.begin(), changes.audit_writes.end());
}

} // namespace elves
