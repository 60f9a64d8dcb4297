#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/clock.hpp"
#include "elves/module.hpp"
#include "elves/note.hpp"
#include "elves/one_at_a_time.hpp"
#include "elves/page.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/targets.hpp"
#include "elves/short_name.hpp"
#include "target_search.hpp"

namespace elves {

/// A target expression as it was given, not read yet.
struct TargetText {
    std::string text;
};
/// A host's labels as they were given: each key and value is one that can be set.
struct LabelsGiven {
    Labels labels;
};
/// The `fleet` service: labels, groups, and which hosts an expression means. On the loop's thread. All that
/// it is made of outlives it.
class Fleet : public Module, public Targets {
public:
    Fleet(AgentDirectory const& agents, Inventory const* inventory, FleetLabels& labels, FleetGroups& groups,
        Clock& clock, Zone zone, LoopExecutor loop);

    [[nodiscard]] std::string_view name() const override { return "fleet"; }
    void declare(MethodTable& table) override;
    void start() override;

    [[nodiscard]] asio::awaitable<TargetHosts> find_hosts(
        std::string target, Caller caller, bool is_stored) override;
    [[nodiscard]] std::optional<std::string> host_value(
        Ip const& host, std::string_view field) const override;
    void require_field(std::string_view of, std::string_view name) const override
    {
        static_cast<void>(Target::parse_field(of, name, &labels_.keys()));
    }
    [[nodiscard]] std::unique_ptr<HostTest> host_test(std::string const& target) const override;
    [[nodiscard]] std::set<std::string> groups_of(std::string const& target) const override;
    void group_users_from(GroupUsers source) override { group_users_.push_back(std::move(source)); }
    /// For `forgetagents`.
    [[nodiscard]] Belongings belongings_of(Ip const& host);
    void runs_from(RunHosts source) override { search_.runs_from(std::move(source)); }

private:
    struct Find {
        TargetText target;
        std::optional<IpPlace> after;
        std::int64_t limit = 100;
    };
    struct Count {
        TargetText target;
        std::string by;
    };
    struct Explain {
        TargetText target;
        Ip agentip;
    };
    struct SetLabels {
        TargetText target;
        LabelsGiven labels;
        std::vector<std::string> unset;
        std::string digest;
    };
    struct SetGroup {
        ShortName name;
        TargetText target;
        Note note;
    };
    struct ByName {
        ShortName name;
    };

    [[nodiscard]] asio::awaitable<Reply> find(Find in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> count(Count in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> explain(Explain in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> set_labels(SetLabels in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> set_group(SetGroup in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> delete_group(ByName in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> get_group(ByName in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> list_groups(Caller caller);

    [[nodiscard]] json::object entry_of(Ip const& ip) const;
    [[nodiscard]] json::array page_of(std::vector<Ip> const& hosts, Find const& in, std::string& next) const;
    [[nodiscard]] asio::awaitable<json::object> group_entry(FleetGroup group, Caller caller);
    void require_unused(std::string const& group) const;

    HostUniverse hosts_;
    FleetLabels& labels_;
    FleetGroups& groups_;
    Clock& clock_;
    Zone zone_;
    TargetSearch search_;
    OneAtATime group_changes_; ///< A group must not lose what it stands on while it is set.
    std::vector<GroupUsers> group_users_;
};

} // namespace elves
