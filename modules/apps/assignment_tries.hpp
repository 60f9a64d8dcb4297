#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "elves/clock.hpp"
#include "elves/ip.hpp"

namespace elves {

/// What has been tried to give hosts the versions that they are to have, and when it may be tried again:
/// after a failure a pause that doubles. Memory only, bounded; decides nothing else. On the loop's thread.
class AssignmentTries {
public:
    using Seconds = std::chrono::seconds;
    static constexpr Seconds first_pause{60};
    static constexpr Seconds longest_pause{6 * 3'600};
    /// Deployments at once, of all assignments.
    static constexpr std::size_t most_open = 20;

    /// Of one app on one host.
    struct Try {
        std::string version;  ///< That it is to have.
        int failures = 0;     ///< One after the other.
        std::string error;    ///< The last one's.
        Clock::Steady next{}; ///< Not before this.
        bool is_open = false; ///< A deployment is under way.
    };

    /// Whether a deployment of that version may start now.
    [[nodiscard]] bool may_start(
        Ip const& host, std::string const& app, std::string const& version, Clock::Steady now) const;
    void start(Ip const& host, std::string const& app, std::string const& version);
    /// It failed: the pause grows.
    void fail(Ip const& host, std::string const& app, std::string error, Clock::Steady now);
    /// It could not start for a reason that passes, such as a closed window: the first pause, again and
    /// again.
    void put_off(Ip const& host, std::string const& app, std::string error, Clock::Steady now);
    /// It is done; what the host says of itself is given a moment to arrive.
    void succeed(Ip const& host, std::string const& app, Clock::Steady now);
    /// The host has that version, or is to have none.
    void forget(Ip const& host, std::string const& app);
    /// Of an app on all hosts: another version is to be there, or none.
    void forget_app(std::string const& app);

    /// Null where nothing was tried.
    [[nodiscard]] Try const* find(Ip const& host, std::string const& app) const;
    [[nodiscard]] std::size_t open() const noexcept { return open_; }

private:
    using Place = std::pair<std::string, Ip>;
    Try* close(Ip const& host, std::string const& app);

    std::map<Place, Try> tries_;
    std::size_t open_ = 0;
};

} // namespace elves
