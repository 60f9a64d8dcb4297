#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "elves/services/agent_directory.hpp"
#include "elves/services/inventory.hpp"
#include "target.hpp"

namespace elves {

/// Kleene's three values. A test on a field that the host does not have is undecided; only `yes` selects.
enum class Match : std::int8_t { no, undecided, yes };
/// `true`, `false`, `undecided`
[[nodiscard]] std::string_view match_text(Match match) noexcept;

using Labels = std::map<std::string, std::string, std::less<>>;

/// One host, as tests see it. Valid until the next co_await.
struct TargetHost {
    Ip ip;
    std::optional<AgentView> agent{};       ///< Nothing where it was never an agent.
    std::optional<InventoryView> machine{}; ///< Nothing where the inventory has no record.
    Labels const* labels = nullptr;         ///< Null for none.

    /// The field as text; nothing where the host does not have it, and of `seen` for an agent its time.
    [[nodiscard]] std::optional<std::string> value(TargetField const& field, Zone const& zone) const;
};

/// What an expression needs beside itself: the groups that it stands on, directly or through others, and the
/// hosts of runs.
struct TargetContext {
    std::map<std::string, std::shared_ptr<Target const>, std::less<>> groups{};
    /// By id and state; in the order of addresses.
    std::map<std::pair<TaskId, std::string>, std::vector<Ip>> runs{};
};

/// Judges hosts by an expression. `target` and `context` outlive it; the context has all that the expression
/// names.
class TargetMatcher {
public:
    TargetMatcher(Target const& target, TargetContext const& context, Instant now);

    [[nodiscard]] Match match(TargetHost const& host);
    /// The fields that leave a host undecided. Of an undecided host.
    void add_undecided(TargetHost const& host, std::set<std::string>& fields);
    /// The value of one part of the expression or of its groups.
    [[nodiscard]] Match match_part(TargetHost const& host, TargetPart const& part);
    /// Some test looks at a fact.
    [[nodiscard]] bool rests_on_facts() const noexcept { return rests_on_facts_; }

private:
    [[nodiscard]] Match part(TargetPart const& part, TargetHost const& host);
    [[nodiscard]] Match group(std::string const& name, TargetHost const& host);
    [[nodiscard]] Match test(TargetPart const& part, TargetHost const& host) const;
    [[nodiscard]] bool is_in_run(TargetPart const& part, Ip const& ip) const;
    void undecided(TargetPart const& part, TargetHost const& host, std::set<std::string>& fields);
    void look_for_facts(TargetPart const& part);

    Target const& target_;
    TargetContext const& context_;
    Instant now_;
    bool rests_on_facts_ = false;
    /// Of the host that is judged: what its groups came to, so that each is judged once.
    std::map<std::string, std::optional<Match>, std::less<>> groups_;
};

/// Every part of the tree, the root first.
template <class Visit>
void each_part(TargetPart const& part, Visit const& visit)
{
    visit(part);
    for (auto const& below : part.parts) each_part(below, visit);
}

} // namespace elves
