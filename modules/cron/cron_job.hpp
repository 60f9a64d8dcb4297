#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "elves/cron_fields.hpp"
#include "elves/cron_life.hpp"
#include "elves/field_type.hpp"
#include "elves/instruction.hpp"
#include "elves/ip.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"
#include "elves/zone.hpp"

namespace elves {

/// Who fires a job: the server, or the agent that holds it.
enum class CronType { center, self };

[[nodiscard]] std::string_view type_text(CronType type) noexcept;

/// A job's name, `[A-Za-z0-9_.-]{1,64}`, not beginning with `.` or `-`; or "".
struct JobName {
    std::string text;
};

/// What an agent knows of a job.
enum class AgentKnows {
    nothing,  ///< It has not to know it: a `center` job that it does not hold.
    outdated, ///< It has not confirmed the job as it is now; it may hold it as it was before.
    job,      ///< It has confirmed the `self` job.
};

/// What is known of the runs of a job that metrics watch.
struct Watched {
    Instant from{};                   ///< The newest time that a run was for; or when it was set or started.
    std::optional<Instant> ended;     ///< When the last run ended.
    std::optional<Instant> succeeded; ///< When the last one ended well.
};

/// One cron job. A plain value.
struct CronJob {
    CronJob(TaskId id_, QuartzRule rule_) : id(id_), rule(std::move(rule_)) {}

    TaskId id;
    Ip agent;
    CronType type = CronType::center;
    QuartzRule rule;
    Instruction ins;
    bool on = true;
    Instant created{};
    std::string by;           ///< The key that set it, or "".
    std::optional<Zone> zone; ///< Nothing: the server's, at the time of use.
    Misfire misfire = Misfire::skip;
    Overlap overlap = Overlap::skip;
    Jitter jitter;
    std::string name;             ///< Unique among the agent's jobs; "": it has none.
    std::optional<Instant> start; ///< It does not fire before,
    std::optional<Instant> end;   ///< nor after this.
    std::string watch;            ///< The name by which metrics show it; "": they do not.
    Watched watched;
    AgentKnows agent_knows = AgentKnows::nothing;
    std::string refused;         ///< Why the agent refuses the `self` job; "": it does not.
    std::optional<Instant> owed; ///< When it was loaded: the time of the run that makes up for missed ones.
    std::uint64_t version = 0;   ///< In memory: another one after each change.
    /// Every time up to this one was accounted for when the job was loaded, set or started; from then on the
    /// disk knows better.
    Instant settled{};
};

/// Does it fire at the same times as `other`?
[[nodiscard]] bool same_times(CronJob const& a, CronJob const& b);
/// Does the server account for its times: it fires them, or records each that the agent refuses.
[[nodiscard]] bool is_fired_here(CronJob const& job);
/// The job as the state machine sees it, with the server's zone where it has none. Valid as long as `job`.
[[nodiscard]] cron_life::Job life_of(CronJob const& job, Zone const& server);

#define ELVES_CRON_FIELD_TYPE(Type, type_name)                                                               \
    template <>                                                                                              \
    struct FieldType<Type> {                                                                                 \
        static constexpr std::string_view name = type_name;                                                  \
        static constexpr Code missing = codes::bad_field;                                                    \
        static Type read(std::string_view field, JsonValue const& value);                                    \
        static void judge(Caller const&, Type const&) {}                                                     \
    }

ELVES_CRON_FIELD_TYPE(CronType, "center or self");
ELVES_CRON_FIELD_TYPE(JobName, "job name");
#undef ELVES_CRON_FIELD_TYPE

} // namespace elves
