#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "elves/zone.hpp"

namespace elves {

/// `pending` -> `running` <-> `paused` -> one of the others, which are final.
/// `skipped`: a firing of a schedule of which nothing ran; it is no run.
enum class RunState { pending, running, paused, done, partial, stopped, canceled, expired, skipped };
/// Why it is pending or paused.
enum class RunWhy { none, time, person, wave, max_fail, key };

[[nodiscard]] std::string_view state_text(RunState state) noexcept;
[[nodiscard]] std::string_view why_text(RunWhy why) noexcept;
[[nodiscard]] std::optional<RunState> parse_run_state(std::string_view text) noexcept;
[[nodiscard]] std::optional<RunWhy> parse_run_why(std::string_view text) noexcept;
[[nodiscard]] constexpr bool is_final(RunState state) noexcept { return state >= RunState::done; }

/// What a person asked for that takes effect once nothing of the run is open any more.
enum class RunEnding { none, stop, cancel };

/// What a run has to keep to.
struct RunLimits {
    std::size_t parallel = 50;
    std::size_t max_fail = 0;
    bool is_strict = false;
    bool asks = false;             ///< After each wave.
    std::chrono::seconds pause{0}; ///< Between waves.
    std::chrono::seconds late{3'600};
    std::optional<std::chrono::seconds> deadline{};                ///< From its start.
    std::chrono::milliseconds give_up{std::chrono::hours(7 * 24)}; ///< Of one that stays paused.
};

/// How far a run is. A host is held, then open while its task is, then final.
struct RunFacts {
    RunState state = RunState::pending;
    RunWhy why = RunWhy::time;
    RunEnding ending = RunEnding::none;
    Instant begin_at{};
    std::optional<Instant> started{};
    std::optional<Instant> paused{};     ///< Since when.
    std::optional<Instant> wave_ended{}; ///< When the last host of this wave became final.
    std::size_t wave = 0;
    std::size_t waves = 1;
    // Of this wave.
    std::size_t ready = 0; ///< Held, and can be started.
    std::size_t away = 0;  ///< Held, and its agent is waited for.
    std::size_t wave_open = 0;
    std::size_t wave_done = 0;
    // Of all waves.
    std::size_t held = 0;
    std::size_t open = 0;
    std::size_t done = 0;
    std::size_t failures = 0;
    std::size_t hosts = 0;
};

/// What to do now.
struct RunStep {
    RunState state = RunState::pending;
    RunWhy why = RunWhy::none;
    std::size_t wave = 0;
    std::size_t start = 0;          ///< So many ready hosts of that wave.
    std::optional<Instant> again{}; ///< By then something may have to be done though nothing happens.
    friend bool operator==(RunStep const&, RunStep const&) = default;
};

/// The one place where it is decided what a run does next. No I/O, no clock of its own. A state that the step
/// changes takes effect before the step is asked for again.
[[nodiscard]] RunStep decide(RunFacts const& facts, RunLimits const& limits, Instant now);

/// The most hosts that can have failed when the run pauses for `max_fail`.
[[nodiscard]] std::size_t worst_of(std::size_t hosts, RunLimits const& limits) noexcept;

} // namespace elves
