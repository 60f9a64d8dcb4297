#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elves/ip.hpp"
#include "elves/json.hpp"
#include "elves/store.hpp"
#include "elves/zone.hpp"
#include "online_history.hpp"

namespace elves {

/// What an agent says of itself when it registers, and when it was last heard.
struct AgentRecord {
    Ip ip;
    std::string asset;
    std::string os; ///< Lower case, Windows as `win`; "" where it was not said.
    std::string version;
    std::string starttime; ///< As the agent gave it.
    std::string hw_config;
    json::object apps;  ///< Name to version.
    json::object facts; ///< Key to value: what it says of its machine beside the rest.
    Instant last_heard{};
    /// The IP that the last link came from, and the key that it proved. "": not known; proved none.
    std::string linked_from;
    std::string linked_by;
    bool is_up = false; ///< It had a connection when that was last recorded.
};

/// What has changed of the agents since the last writing.
struct AgentChanges {
    struct Heard {
        Ip ip;
        Instant at;
    };
    /// It came, or went.
    struct Turn {
        Ip ip;
        Instant at;
        bool is_up = false;
    };
    std::vector<AgentRecord> registered;
    std::vector<Heard> heard;
    std::vector<Turn> turns;
    /// Written in the same transaction: the audit rows of registrations that moved an agent.
    std::vector<std::function<void(Db&)>> audit_writes;
    [[nodiscard]] bool empty() const noexcept { return registered.empty() && heard.empty() && turns.empty(); }
};

/// When one agent came and went.
struct AgentHistory {
    std::optional<bool> was_up;              ///< Before the first of them; nothing: that is not known.
    std::vector<AgentChanges::Turn> turns{}; ///< Oldest first.
};

/// The agents on disk. The only place with their SQL. On the loop's thread.
class AgentRecords {
public:
    explicit AgentRecords(Store& store) : store_(store) {}
    /// Before the loop runs only.
    [[nodiscard]] std::vector<AgentRecord> load();
    /// All of them in one transaction. `changes` is shared, for those of a whole fleet are not small.
    void save(std::shared_ptr<AgentChanges const> changes, Store::Done done);
    /// What is known of that agent from `since` on. No agent has more than `most_turns`.
    [[nodiscard]] asio::awaitable<AgentHistory> history(Ip agent, Instant since);
    static constexpr std::int64_t most_turns = 500;
    static constexpr std::chrono::hours turns_kept{30 * 24};

    /// Before the loop runs only: those since then.
    [[nodiscard]] std::vector<OnlineCount> load_counts(Instant since);
    /// Writes it behind, and forgets those before `since`. One that is not written is lost.
    void save_count(OnlineCount const& count, Instant since);

    /// Deletes these, in one transaction with what `also` writes; returns when that is on disk. Throws Error
    /// 507.1: nothing has changed.
    [[nodiscard]] asio::awaitable<void> erase(std::vector<Ip> agents, Store::Work also);

private:
    Store& store_;
};

} // namespace elves
