#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "elves/error.hpp"
#include "elves/instruction.hpp"
#include "elves/ip.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// What kind of gate a place is of, which is its first word: `window` or `cap`.
[[nodiscard]] inline std::string_view gate_kind(std::string_view place)
{
    return place.substr(0, place.find(' '));
}

/// Help text of the metric `gate_waiting`, which the task engine and the runs both write.
inline constexpr std::string_view gate_waiting_help =
    "Tasks and hosts of runs that wait for a window to open or a cap to have room.";

/// Says whether work may start on a host now: no window is closed for it, and no cap is full. The one place
/// where that is decided, whoever wants to start something. Offered by run. On the loop's thread.
class StartGate {
public:
    static constexpr std::string_view service_name = "StartGate (run)";
    virtual ~StartGate() = default;

    /// What keeps work from starting now.
    struct Obstacle {
        std::string place;    ///< What has to become free: `window NAME` or `cap NAME=VALUE`; see `on_free`.
        std::string text;     ///< "window NAME: …" or "cap NAME: …".
        bool is_full = false; ///< A cap: it is free again as soon as something ends.

        [[nodiscard]] Error error() const { return {codes::closed_now, text}; }
    };
    /// Nothing: it may start.
    [[nodiscard]] virtual std::optional<Obstacle> obstacle(Ip const& host, Instruction const& ins) = 0;

    /// Whether a cap counts such work. If so, call `begun` for one task before asking `obstacle` about the
    /// next.
    [[nodiscard]] virtual bool is_capped(Instruction const& ins) const = 0;

    /// From now on the task takes its place under every cap that it falls under, until `ended`. To say either
    /// twice is to say it once.
    virtual void begun(TaskId task, Ip const& host, Instruction const& ins) = 0;
    virtual void ended(TaskId task) = 0;

    /// Calls `then` whenever a place may have become free: something that waits for it may be tried. With ""
    /// any may have.
    virtual void on_free(std::function<void(std::string const& place)> then) = 0;
};

} // namespace elves
