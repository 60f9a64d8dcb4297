#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/ip.hpp"
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
    void add(Ip const& host);
    [[nodiscard]] std::string hex() const;

private:
    std::string lines_;
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

    /// Who knows the hosts of runs; the state "" for all of them. By address. Throws Error 417.1.
    using RunHosts = std::function<asio::awaitable<std::vector<Ip>>(TaskId run, std::string state, Caller)>;
    virtual void runs_from(RunHosts source) = 0;
};

} // namespace elves
