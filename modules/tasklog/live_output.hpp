#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/store.hpp"
#include "elves/task_id.hpp"
#include "task_records.hpp"

namespace elves {

/// What running workers print, on its way to the disk: written behind, some times a second in one go,
/// bounded, and dropped where the disk doesn't keep up. On the loop's thread.
class LiveOutput {
public:
    LiveOutput(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    void set_most(std::int64_t bytes) { most_ = bytes; }
    /// `at`: bytes from the output's beginning.
    void add(TaskId id, std::int64_t at, std::string data);
    /// It has ended: nothing more of it comes.
    void forget(TaskId id) { next_.erase(id); }
    /// Writes what is held. Whoever reads output next sees it: the store's reads come after its writes.
    void flush();

private:
    struct Piece {
        TaskId id;
        task_records::OutputPiece piece;
    };
    Store& store_;
    Clock& clock_;
    std::int64_t most_ = 0; ///< Bytes kept of one task.
    /// Where what is new begins, of tasks that run.
    std::unordered_map<TaskId, std::int64_t> next_;
    std::vector<Piece> held_;
    std::size_t held_bytes_ = 0;
    Timer flushing_;
};

/// `limit` bytes from `offset` on, cut between characters; what was dropped on the way shows as `?`.
[[nodiscard]] std::string joined_output(
    std::vector<task_records::OutputPiece> const& pieces, std::int64_t offset, std::int64_t limit);
/// Where the last piece ends.
[[nodiscard]] std::int64_t output_size(std::vector<task_records::OutputPiece> const& pieces);

} // namespace elves
