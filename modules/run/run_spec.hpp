#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "elves/instruction.hpp"
#include "elves/json.hpp"
#include "elves/method_table.hpp"
#include "elves/note.hpp"
#include "elves/zone.hpp"
#include "run_life.hpp"

namespace elves {

/// A target expression as it was given.
struct RunTarget {
    std::string text;
};
/// What each host is told to run; without `ttl` and `dedup`, which are the run's.
struct RunIns {
    Instruction ins;
};
/// A number of hosts, or a part of all of them; as it was given, too.
struct RunAmount {
    std::string text;
    std::int64_t number = 0;
    bool is_percent = false;

    /// Of so many hosts; a percentage rounded down.
    [[nodiscard]] std::size_t of(std::size_t hosts) const noexcept;
    /// The same rounded up, and at least 1.
    [[nodiscard]] std::size_t at_least_one_of(std::size_t hosts) const noexcept;
};
/// The sizes of waves; the last one repeats.
struct RunWaves {
    std::string text = "100%";
    std::vector<RunAmount> sizes{{"100%", 100, true}};
};
struct RunPause {
    std::string text;
    bool asks = false;
    std::chrono::seconds seconds{0};
};
struct RunOrder {
    enum class Kind { address, random, spread };
    std::string text = "address";
    Kind kind = Kind::address;
    std::string field{}; ///< Of spread.
};
struct RunSilent {
    bool fails = false;
};
struct RunDedup {
    std::string text;
};

/// The fields of `startrun`.
struct RunSpec {
    RunTarget target;
    RunIns ins;
    RunWaves waves;
    std::int64_t parallel = 50;
    RunAmount max_fail{"0", 0, false};
    bool strict = false;
    RunPause pause;
    RunOrder order;
    std::chrono::seconds ttl{0};
    RunSilent silent;
    std::string at; ///< "" for now; in the server's zone.
    std::chrono::seconds late{3'600};
    std::optional<std::chrono::seconds> deadline;
    std::string digest;
    RunDedup dedup;
    Note note;

    /// As the methods that take them declare them.
    [[nodiscard]] static std::vector<Field<RunSpec>> fields();
    /// What stands between the fields: each is right by itself. Throws Error 403.10.
    void require_sound() const;
    /// As `startrun` would take them, strings all; what has its default value is left out.
    [[nodiscard]] json::object to_json() const;
    /// What to_json has written. Throws Error where it was not.
    [[nodiscard]] static RunSpec read(JsonValue const& spec);

    /// For a list of so many hosts.
    [[nodiscard]] RunLimits limits(std::size_t hosts) const;
    /// How many hosts each wave of such a list has.
    [[nodiscard]] std::vector<std::size_t> wave_sizes(std::size_t hosts) const;
};

} // namespace elves
