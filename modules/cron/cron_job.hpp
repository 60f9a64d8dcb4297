#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "elves/field_type.hpp"
#include "elves/instruction.hpp"
#include "elves/ip.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"
#include "elves/zone.hpp"

namespace elves {

/// Who fires a job: the server, or the agent that holds it.
enum class CronType { center, self };
/// What happens, beside the record, when times passed while the server was down.
enum class Misfire { skip, once };
/// What a job's turn does while its last run is still going on.
enum class Overlap { skip, allow, replace };

[[nodiscard]] std::string_view type_text(CronType type) noexcept;
[[nodiscard]] std::string_view misfire_text(Misfire misfire) noexcept;
[[nodiscard]] std::string_view overlap_text(Overlap overlap) noexcept;

/// Up to that many seconds later than the rule says, 0 to `longest`.
struct Jitter {
    static constexpr std::chrono::seconds longest{86'400};
    std::chrono::seconds most{0};
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
    /// Every time up to this one was accounted for when the job was loaded, set or started; from then on the
    /// disk knows better.
    Instant settled{};
};

#define ELVES_CRON_FIELD_TYPE(Type, type_name)                                                               \
    template <>                                                                                              \
    struct FieldType<Type> {                                                                                 \
        static constexpr std::string_view name = type_name;                                                  \
        static constexpr Code missing = codes::bad_field;                                                    \
        static Type read(std::string_view field, JsonValue const& value);                                    \
        static void judge(Caller const&, Type const&) {}                                                     \
    }

ELVES_CRON_FIELD_TYPE(CronType, "center or self");
ELVES_CRON_FIELD_TYPE(Misfire, "skip or once");
ELVES_CRON_FIELD_TYPE(Overlap, "skip, allow or replace");
ELVES_CRON_FIELD_TYPE(Zone, "time zone");
ELVES_CRON_FIELD_TYPE(Jitter, "seconds");
#undef ELVES_CRON_FIELD_TYPE

} // namespace elves
