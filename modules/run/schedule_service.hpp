#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "elves/method_table.hpp"
#include "schedules.hpp"

namespace elves {

/// The methods of the `run` service about schedules. On the loop's thread. All that it is made of outlives
/// it.
class ScheduleService {
public:
    ScheduleService(Schedules& schedules, TaskEngine const& engine, Targets& targets, Clock& clock, Zone zone)
        : schedules_(schedules), engine_(engine), targets_(targets), clock_(clock), zone_(zone)
    {
    }
    void declare(MethodTable& table);

private:
    struct Set {
        RunSpec spec;
        std::optional<QuartzRule> rule; ///< Required, so always there.
        std::optional<TaskId> id;
        std::optional<Zone> timezone;
        Misfire misfire = Misfire::skip;
        Overlap overlap = Overlap::skip;
        Jitter jitter;
    };
    struct ById {
        TaskId id;
    };
    struct List {
        std::optional<TaskId> id;
        std::optional<std::string> by;
        std::string app, func;
        std::optional<TaskId> after;
        std::int64_t limit = 100;
        std::int64_t times = 3;
    };

    [[nodiscard]] static std::vector<Field<Set>> set_fields();
    [[nodiscard]] asio::awaitable<Reply> set(Set in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> erase(ById in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> set_on(ById in, Caller caller, bool on);
    [[nodiscard]] Reply list(List const& in, Caller const& caller) const;
    [[nodiscard]] asio::awaitable<void> require_own(TaskId id, Caller caller);
    [[nodiscard]] json::object listed(Schedules::Entry const& entry, std::int64_t times) const;

    Schedules& schedules_;
    TaskEngine const& engine_;
    Targets& targets_;
    Clock& clock_;
    Zone zone_;
};

} // namespace elves
