#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "address_contests.hpp"
#include "agent_records.hpp"
#include "app_versions.hpp"
#include "elves/clock.hpp"
#include "elves/peer.hpp"

namespace elves {

/// Every agent that was ever seen, the links of those that are there, and what of them is not yet on disk.
/// Memory only: it decides, others read, write and tell. On the loop's thread.
class Agents {
public:
    struct Agent {
        AgentRecord record;         ///< Its `last_heard` is of the last writing while there is a link.
        std::shared_ptr<Peer> link; ///< Null while there is none.
        std::string key;            ///< That it registered with; "" without one.
        std::string claimed_from;   ///< The last connection that was refused as this agent; "" for none.
        Instant claimed{};
        std::optional<Clock::Steady> refusal_logged; ///< When a refusal was last written to the log.
        std::uint64_t refusals_unlogged = 0;         ///< Since then.
        bool has_registered = false;                 ///< Since this server started.
        bool is_recorded_up = false;                 ///< What the disk says, or is about to.
        bool is_draining = false; ///< It takes nothing new, and restarts when its workers have ended.
        mutable bool was_called_silent = false; ///< Somebody was told that it is offline, on this link.
    };
    /// Why a connection can't become an agent's link: another one holds that address.
    struct Held {
        std::string by;             ///< The address and port of the connection that holds it.
        bool should_log = false;    ///< At most once a minute for each agent.
        std::uint64_t unlogged = 0; ///< Refusals since the last one that was logged.
    };
    /// How many are online, and how many are known at all.
    struct Count {
        std::size_t online = 0;
        std::size_t known = 0;
        std::map<std::string, std::size_t, std::less<>> online_by_os; ///< Each that a known agent has; 0 too.
    };

    /// How many there may be, and what all of them together may take in memory.
    struct Bounds {
        std::size_t all = 200'000;
        std::size_t all_bytes = 1024UL * 1024 * 1024;
    };

    explicit Agents(Clock& clock) : Agents(clock, Bounds{}) {}
    Agents(Clock& clock, Bounds bounds) : clock_(clock), bounds_(bounds), ticked_(clock.steady()) {}

    void set_offline_after(std::chrono::seconds limit) { offline_after_ = limit; }
    /// To be called once a second. Silence is counted from one call to the next: while this process was
    /// stopped or held up it heard nobody, and that is no agent's fault.
    void tick();
    /// Takes up what was on disk, also where that is over a bound.
    void take_up(std::vector<AgentRecord> records);

    /// Whether another connection holds that agent's address: its link is online, and `peer` does not come
    /// from the same IP with the same key. The same machine with a half-dead old link does. Records the
    /// attempt.
    /// `asset` is the host name that it gives.
    [[nodiscard]] std::optional<Held> held_against(
        Ip const& ip, Peer const& peer, std::string_view key, std::string const& asset);
    /// A line for each address that two machines claim in turn.
    [[nodiscard]] std::vector<std::string> contested() const { return contests_.lines(clock_.steady()); }
    /// Where the last link of that agent came from, where that is known and was elsewhere: `10.0.0.7`, or
    /// `10.0.0.7 KEY` where it proved another key (`-` for none). "" otherwise.
    [[nodiscard]] std::string moved_from(Ip const& ip, Peer const& peer, std::string_view key) const;
    /// To be written with the next changes. Dropped, and logged, while the disk has not taken thousands of
    /// them.
    void add_audit_write(std::function<void(Db&)> write);
    /// Makes `peer` the agent's link, and closes the one before. Throws Error 429.1 where there are too many
    /// agents, or it says more than before and all together would take too much: nothing has changed then.
    void link(AgentRecord said, std::shared_ptr<Peer> peer, std::string key);
    /// That connection has closed. Ends its agent's link, if it still is one.
    void unlink(Peer const* peer);
    /// Ends the links that were made with that key. `close_cut` closes them. False: there are none.
    bool cut_links_of(std::string_view key, std::string_view why);
    /// It is as if never seen; its link is closed. False: it has registered (again), and stays.
    bool forget(Ip const& ip, bool is_forced);
    /// To be called once agents have had time to come back after a start: those that did not are recorded as
    /// gone since they were last heard.
    void record_missing();
    /// How many have a connection, and how many are known, without a look at each.
    [[nodiscard]] std::size_t linked() const noexcept { return links_.size(); }
    [[nodiscard]] std::size_t known() const noexcept { return agents_.size(); }
    /// Closes the links that were cut and did not register again meanwhile.
    void close_cut();
    /// Looks at the next few agents: closes their links if they were silent for too long, and notes when they
    /// were heard. False: those were the last, and the next call begins at the first again.
    bool sweep_some();

    /// Null where it was never seen. Valid until `forget`.
    [[nodiscard]] Agent const* find(Ip const& ip) const;
    [[nodiscard]] std::map<Ip, Agent const*> const& by_ip() const noexcept { return by_ip_; }
    /// The agent whose link that is; null where it is none's.
    [[nodiscard]] Agent const* of(Peer const& peer) const;
    /// The agent whose link that is has said that it is draining: until it registers again. False: it is
    /// none's, or has said so before.
    bool set_draining(Peer const& peer);
    /// The agent whose link that is has other apps now. False: it is none's, or they are as before. Throws
    /// Error 429.1 where all agents together would say too much.
    bool set_apps(Peer const& peer, json::object apps);
    /// Its link is up and heard from within the limit.
    [[nodiscard]] bool is_online(Agent const& agent) const;
    /// It has just spoken. True: somebody was told that it is offline before its link was closed for that.
    [[nodiscard]] bool is_back(Agent const& agent)
    {
        bool const is_back = std::exchange(agent.was_called_silent, false);
        if (is_back) ++version_;
        return is_back;
    }
    [[nodiscard]] Instant last_heard(Agent const& agent) const;
    /// Of those that `is_seen` says yes to.
    [[nodiscard]] Count count(std::function<bool(Ip const&)> const& is_seen) const;

    /// How many agents have registered, and how many of their connections have ended, since the start.
    struct LinkCounts {
        std::uint64_t registered = 0;
        std::uint64_t ended = 0;
    };
    [[nodiscard]] LinkCounts link_counts() const noexcept { return link_counts_; }
    /// Of the agents that have a connection.
    [[nodiscard]] AppVersions const& app_versions() const noexcept { return app_versions_; }
    /// See AgentDirectory.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

    /// Notes for the next writing of when each linked agent was heard, where that is `step` newer than what
    /// is on disk.
    void note_heard(std::chrono::milliseconds step);
    /// Takes out what is to be written: of those that were only heard, at most that many.
    [[nodiscard]] AgentChanges take_changes(std::size_t most_heard);
    /// Some that were heard are left for the next writing.
    [[nodiscard]] bool has_heard() const noexcept { return !heard_.empty(); }
    /// It could not be written: next time, then.
    void give_back(AgentChanges const& changes);

private:
    void end_link(Agent& agent);
    void close_link(Agent& agent, std::string const& why);
    void note_claim(
        Agent const& holder, AddressContests::How how, Peer const& peer, std::string const& asset);
    [[nodiscard]] bool is_newly_heard(Agent const& agent, std::chrono::milliseconds step) const;
    [[nodiscard]] Clock::Steady::duration silence(Peer const& link) const;
    void require_room(AgentRecord const& said) const;
    Agent& keep(AgentRecord record);

    Clock& clock_;
    Bounds bounds_;
    std::chrono::seconds offline_after_{30};
    Clock::Steady ticked_;               ///< The last tick.
    std::optional<Clock::Steady> awake_; ///< When it was last held up, and went on.
    std::unordered_map<Ip, Agent> agents_;
    std::map<Ip, Agent const*> by_ip_; ///< The same, in order.
    std::size_t bytes_ = 0;            ///< Of their records.
    LinkCounts link_counts_;
    AppVersions app_versions_;
    mutable std::uint64_t version_ = 0; ///< Also incremented when a caller is told that an agent is silent.
    std::unordered_map<Peer const*, Agent*> links_;
    std::optional<Ip> swept_to_; ///< The last agent that `sweep_some` has looked at.
    AddressContests contests_;
    struct Cut {
        std::shared_ptr<Peer> link;
        std::string why;
    };
    std::vector<Cut> cut_;                               ///< To be closed; until then it can hear why.
    std::unordered_set<Ip> registered_;                  ///< To be written whole.
    std::unordered_set<Ip> heard_;                       ///< To be written for when it was heard.
    std::unordered_set<Ip> turned_;                      ///< That came or went since the last writing.
    std::vector<std::function<void(Db&)>> audit_writes_; ///< To be written with them.
};

} // namespace elves
