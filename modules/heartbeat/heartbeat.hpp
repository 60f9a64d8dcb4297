#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_metrics.hpp"
#include "agents.hpp"
#include "elves/module.hpp"
#include "elves/page.hpp"
#include "elves/services/agent_applications.hpp"
#include "elves/services/agent_directory.hpp"
#include "elves/services/presence.hpp"
#include "online_history.hpp"

namespace elves {

/// A word that an agent says of itself: at most 256 characters.
struct AgentText {
    std::string text;
};

/// An agent's apps, name to version: at most 1,000, of at most 64 characters each.
struct AgentApps {
    json::object versions;
};

/// What an agent says of its machine beside the rest, key to value: at most 32.
struct AgentFacts {
    json::object values;
};

/// `online` or `offline`.
struct AgentStatus {
    bool online = false;
};

/// The `heartbeat` service: which agents there are, and which of them are there. Lives on the loop's thread.
/// `records` outlives it.
class Heartbeat : public Module, public Presence, public AgentApplications, public AgentDirectory {
public:
    Heartbeat(AgentRecords& records, Clock& clock, Zone zone, LoopExecutor loop, Agents::Bounds bounds = {});

    [[nodiscard]] std::string_view name() const override { return "heartbeat"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override;
    void stop() override;
    /// Addresses that two machines claim in turn.
    [[nodiscard]] std::vector<std::string> warnings() const override { return agents_->contested(); }

    [[nodiscard]] std::shared_ptr<Peer> link(Ip const& agent) const override;
    [[nodiscard]] std::string online_by(Ip const& agent) const override;
    [[nodiscard]] std::optional<std::vector<std::string>> apps_of(Ip const& agent) const override;
    [[nodiscard]] std::optional<Ip> agent_of(Peer const& peer) const override;
    void cut_links_of(std::string_view key, std::string_view why) override;
    void on_link(std::function<void(Ip const&)> then) override { on_link_.push_back(std::move(then)); }
    void on_register(std::function<void(json::object&)> add_fields) override
    {
        on_register_.push_back(std::move(add_fields));
    }
    [[nodiscard]] std::optional<AgentView> agent(Ip const& ip) const override;
    [[nodiscard]] std::vector<AgentView> agents_behind(
        std::optional<Ip> const& place, std::size_t most) const override;
    [[nodiscard]] json::object listed(Ip const& ip) const override;
    [[nodiscard]] std::uint64_t version() const override { return agents_->version(); }
    [[nodiscard]] std::chrono::seconds offline_after() const override { return offline_after_; }
    void write_metrics(MetricWriter& to) const { write_agent_metrics(*agents_, to); }
    void on_forget(std::function<Belongings(Ip const&)> part) override { parts_.push_back(std::move(part)); }
    void crons_from(CronSource source) override { crons_ = std::move(source); }

private:
    struct ByIp {
        Ip agentip;
    };
    struct Beat {
        bool draining = false;
        std::optional<AgentApps> apps;
    };
    struct ByIpList {
        std::vector<Ip> iplist;
    };
    struct List {
        std::optional<AgentStatus> status;
        AgentText os;
        std::optional<std::chrono::seconds> unseen_for;
        std::optional<IpPlace> after;
        std::int64_t limit = 100;
    };
    struct OnlineHistoryOf {
        std::chrono::seconds step{300};
    };
    struct Forget {
        std::vector<Ip> iplist;
        bool force = false;
        bool plan = false;
    };
    struct Register {
        Ip agentip;
        AgentText asset, os, version, starttime;
        std::string hw_config;
        AgentApps apps;
        AgentFacts facts;
    };

    [[nodiscard]] Reply stat(ByIp const& in) const;
    [[nodiscard]] Reply info(ByIp const& in, Caller const& caller) const;
    [[nodiscard]] Reply stat_list(ByIpList const& in) const;
    [[nodiscard]] Reply online_stat(Caller const& caller) const;
    [[nodiscard]] Reply online_history(OnlineHistoryOf const& in) const;
    [[nodiscard]] asio::awaitable<Reply> agent_history(ByIp in);
    [[nodiscard]] Reply list(List const& in, Caller const& caller) const;
    [[nodiscard]] Reply register_agent(Register in, Caller const& caller);
    [[nodiscard]] asio::awaitable<Reply> forget(Forget in, Caller caller);
    void finish_forgetting(std::vector<Ip> const& agents, bool is_forced, Caller const& caller);

    [[nodiscard]] std::string_view status_of(Ip const& ip) const;
    [[nodiscard]] AgentView view_of(Agents::Agent const& agent) const;
    [[nodiscard]] json::object entry_of(Agents::Agent const& agent) const;
    [[nodiscard]] json::array crons_of(Ip const& ip, Caller const& caller) const;
    void add_time(json::object& fields) const;
    void refuse_where_held(Ip const& agent, Caller const& caller, std::string const& asset);
    void note_move(Ip const& agent, std::string const& moved_from, Caller const& caller);
    void watch(std::shared_ptr<Peer> const& peer);
    void tell_linked(Ip const& agent);
    void sweep_later();
    void sweep_some();
    void each_second();
    void count_online();
    void write(std::size_t most_heard);

    AgentRecords& records_;
    Clock& clock_;
    ClockShift clock_shift_{clock_};
    Zone zone_;
    LoopExecutor loop_;
    std::chrono::seconds interval_{10};
    std::chrono::seconds offline_after_{30};
    /// Callbacks hold it weakly: while it is there, so is this module.
    std::shared_ptr<Agents> agents_;
    std::vector<std::function<void(Ip const&)>> on_link_;
    std::vector<std::function<void(json::object&)>> on_register_;
    std::vector<std::function<Belongings(Ip const&)>> parts_;
    CronSource crons_;
    Timer sweep_timer_;
    Timer cut_timer_;
    Timer second_timer_;
    Timer missing_timer_;
    OnlineHistory history_;
    bool is_settled_ = false; ///< Agents have had time to come back after the start.
    bool writing_ = false;
    bool cannot_write_ = false;
};

} // namespace elves
