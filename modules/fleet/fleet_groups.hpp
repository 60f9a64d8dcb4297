#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/error.hpp"
#include "elves/store.hpp"
#include "elves/zone.hpp"
#include "target_match.hpp"

namespace elves {

/// A named target expression.
struct FleetGroup {
    std::string name;
    std::string target;
    std::string note;
    std::string by;
    Instant time{};
};

/// The groups: in memory, and on disk first. The only place with their SQL. On the loop's thread.
class FleetGroups {
public:
    static constexpr std::size_t most = 1'000;
    static constexpr std::size_t most_depth = 16;   ///< Groups inside groups.
    static constexpr std::size_t most_tests = 4096; ///< Of an expression with all groups that it stands on.

    struct Entry {
        FleetGroup group;
        std::shared_ptr<Target const> target;
    };

    explicit FleetGroups(Store& store) : store_(store) {}
    /// Before the loop runs only.
    void load();

    [[nodiscard]] std::map<std::string, Entry, std::less<>> const& all() const noexcept { return groups_; }
    /// Another one after each change.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
    using Targets = std::map<std::string, std::shared_ptr<Target const>, std::less<>>;
    /// All groups that `target` stands on, directly or through others. Throws Error 417.2 for an unknown one,
    /// 403.11 where they have too many tests.
    [[nodiscard]] Targets below(Target const& target) const;
    /// Throws the same where that group could not become `target`: it, or a group that stands on it, would
    /// have too many tests, be nested too deep, or stand on itself.
    void require_fits(std::string const& name, Target const& target) const;
    /// The groups that refer to that one themselves.
    [[nodiscard]] std::vector<std::string> users_of(std::string_view name) const;

    /// Adds or replaces; on disk when it returns, with what `also` writes. Throws Error 429.1 where there are
    /// too many, 507.1.
    [[nodiscard]] asio::awaitable<void> put(FleetGroup group, Store::Work also);
    /// Throws Error 417.2 where there is none, 507.1.
    [[nodiscard]] asio::awaitable<void> erase(std::string name, Store::Work also);

private:
    using Find = std::function<std::shared_ptr<Target const>(std::string const&)>;
    [[nodiscard]] static Targets below(Target const& target, std::string_view of, Find const& find);

    Store& store_;
    std::map<std::string, Entry, std::less<>> groups_;
    std::uint64_t version_ = 0;
};

/// The groups that an expression names itself.
[[nodiscard]] std::set<std::string> groups_in(Target const& target);

[[nodiscard]] Error no_such_group(std::string_view name);

} // namespace elves
