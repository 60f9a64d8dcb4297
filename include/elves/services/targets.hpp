#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/ip.hpp"
#include "elves/sha256.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// The hosts that a target expression selects.
struct TargetHosts {
    std::vector<Ip> hosts;     ///< By address.
    std::size_t undecided = 0; ///< Hosts that a test could not be asked of; they are not in `hosts`.
    std::set<std::string> undecided_by{}; ///< The fields that those do not have.
    bool rests_on_facts = false;          ///< Some test looks at what agents say of themselves.
};

/// A digest of the addresses alone, in any order: 64 hex digits.
[[nodiscard]] std::string target_digest(std::vector<Ip> const& hosts);

/// The same, of hosts that are added one by one in the order of their addresses: where there are many, others
/// have their turn meanwhile.
class TargetDigest {
public:
    TargetDigest() { hash_.begin(); }
    void add(Ip const& host) { hash_.add(host.text() + '\n'); }
    /// Once, when all are added.
    [[nodiscard]] std::string hex() { return hash_.end(); }

private:
    Sha256 hash_;
};

/// A stored expression that is asked about one host at a time.
class HostTest {
public:
    virtual ~HostTest() = default;
    /// The host is one of the expression's now: as groups, labels and facts are at this moment.
    [[nodiscard]] virtual bool selects(Ip const& host) = 0;
};

/// Which hosts? Offered by fleet. On the loop's thread.
class Targets {
public:
    static constexpr std::string_view service_name = "Targets (fleet)";
    virtual ~Targets() = default;

    /// The hosts among those that `caller` may touch. Throws Error 403.11 for an illegal expression, 403.9,
    /// 401.6, 414.1, 417.1, 417.2 for what it names. `is_stored`: it was judged when it was stored, and means
    /// what it meant then.
    [[nodiscard]] virtual asio::awaitable<TargetHosts> find_hosts(
        std::string target, Caller caller, bool is_stored = false) = 0;
    /// A field of one host as it is now, `idc` say; nothing where the host does not have it. Throws Error
    /// 403.11 for an unknown field.
    [[nodiscard]] virtual std::optional<std::string> host_value(
        Ip const& host, std::string_view field) const = 0;

    /// Throws Error 403.11, in the words of the request's field `of`, where no host could have a field of
    /// that name.
    virtual void require_field(std::string_view of, std::string_view name) const = 0;

    /// Made once for an expression, to be asked often; the Targets outlive it. Throws Error 403.11 for an
    /// illegal one and for one that names a run, whose hosts are not known at once; 417.2 for an unknown
    /// group.
    [[nodiscard]] virtual std::unique_ptr<HostTest> host_test(std::string const& target) const = 0;

    /// Who else refers to groups: a text for each that stands on that group, "schedule A49B1E8FA1B43BC5" say.
    using GroupUsers = std::function<std::vector<std::string>(std::string_view group)>;
    virtual void group_users_from(GroupUsers source) = 0;
    /// The groups that an expression names itself. Throws Error 403.11 for an illegal one.
    [[nodiscard]] virtual std::set<std::string> groups_of(std::string const& target) const = 0;

    /// Who knows the hosts of runs; the state "" for all of them. By address. Throws Error 417.1.
    using RunHosts = std::function<asio::awaitable<std::vector<Ip>>(TaskId run, std::string state, Caller)>;
    virtual void runs_from(RunHosts source) = 0;
};

} // namespace elves
