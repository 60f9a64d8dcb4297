#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "elves/output_stream.hpp"
#include "sim/facts.hpp"
#include "sim/nature.hpp"

namespace elves::sim {

class GateWatch;
class Liveness;

/// What was promised and not kept.
struct Violation {
    std::string invariant;
    std::string what;
};

/// Watches everything from outside and knows what must never be: it is told what is committed, which workers
/// start and end, what clients and processors hear. The first thing that is wrong stays.
class Invariants {
public:
    explicit Invariants(Nature& nature) : nature_(nature) {}

    Liveness* liveness = nullptr; ///< Is told, too; null for none.
    GateWatch* gates = nullptr;   ///< As well.

    // Disks: each row as it is committed.
    void log_wrote(LogRow const& row);
    void log_erased(TaskId id);
    /// By its worker, and taken by its agent.
    void printed(TaskId id, OutputStream stream, std::string_view text);
    /// What the server has of it in the end.
    struct KnownOutput {
        std::string text;
        bool is_marked = false; ///< It says that there was more.
    };
    void output_is(TaskId id, OutputStream stream, KnownOutput const& known);
    void journal_wrote(std::string const& agent, JournalRow const& row);
    /// The server has registered that agent.
    void registered(std::string const& agent);
    // Workers.
    void worker_started(std::string const& agent, TaskId id);
    void worker_ended(TaskId id, WorkerReport const& report);
    // What others hear.
    /// A reply that names a task. `taken`: it says that the agent has it.
    void acknowledged(TaskId id, bool taken);
    /// A reply to a send with that `dedup`.
    void acknowledged_once(std::string const& agent, std::string const& dedup, TaskId id);
    /// A reply with a worker's word.
    void told(TaskId id, std::int64_t flag, std::string const& result);
    /// A reply without a worker's word: why there is none.
    void told_none(TaskId id, std::string const& handover_error, std::string const& result);
    /// A reply that shows a status.
    void shown(TaskId id, TaskStatus status);
    /// A call to a processor.
    void delivered(TaskId id, std::int64_t flag, std::string const& result);
    /// It says so in a moment.
    void processor_took(TaskId id) { facts_[id].processor_took = true; }
    /// Nothing is owed to the processor any more.
    void paid(TaskId id, bool confirmed, bool may_give_up);

    /// Nothing is under way any more, and nothing may be left.
    void at_rest();

    void broken(std::string invariant, std::string what);
    [[nodiscard]] std::optional<Violation> const& violation() const noexcept { return violation_; }
    [[nodiscard]] std::unordered_map<TaskId, Facts> const& facts() const noexcept { return facts_; }
    /// Tasks that have not come to their end.
    [[nodiscard]] std::size_t unfinished() const;
    [[nodiscard]] Tally& tally() noexcept { return nature_.tally; }

private:
    void check_move(Facts& facts, LogRow const& row);
    void check_verdict(Facts const& facts, LogRow const& row);
    void check_result(Facts const& facts, LogRow const& row);

    Nature& nature_;
    std::unordered_map<TaskId, Facts> facts_;
    std::map<std::pair<std::string, std::string>, TaskId> dedups_;
    std::map<std::pair<TaskId, Instant>, TaskId> firings_; ///< Those that were started.
    std::optional<Violation> violation_;
};

} // namespace elves::sim
