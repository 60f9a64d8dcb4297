#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/store.hpp"
#include "elves/task_id.hpp"
#include "task_records.hpp"

namespace elves {

/// What running workers print, on its way to the disk: written behind, some times a second in one go,
/// bounded, and dropped where the disk doesn't keep up. Small pieces are merged into rows of up to 1 KiB. On
/// the loop's thread.
class LiveOutput {
public:
    LiveOutput(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    void set_most(std::int64_t bytes) { most_ = bytes; }
    /// `at`: bytes from the output's beginning. Returns how many bytes it will write.
    std::size_t add(TaskId id, std::int64_t at, std::string data);
    /// It has ended: nothing more of it comes.
    void forget(TaskId id) { last_.erase(id); }
    /// Writes what is held. Whoever reads output next sees it: the store's reads come after its writes.
    void flush();

private:
    struct Piece {
        TaskId id;
        std::int64_t row; ///< Where its row begins: `piece.at`, or before it, to be appended to.
        task_records::OutputPiece piece;
    };
    /// The row that a running task's output was written to last.
    struct Last {
        std::int64_t row = -1; ///< Where it begins; -1: there is none.
        std::int64_t end = 0;  ///< Where what is new begins.
        bool takes_more = false;
        std::uint64_t writes = 0; ///< `writes_` when it was begun.
        std::uint64_t flush = 0;  ///< `flushes_` when `held` was set: from then on that is no more.
        std::size_t held = 0;     ///< Its piece in `held_`.
    };
    void begin_row(TaskId id, Last& last, std::int64_t at, std::string data);
    void append(TaskId id, Last& last, std::string data);
    void hold(TaskId id, Last& last, std::int64_t at, std::string data);

    Store& store_;
    Clock& clock_;
    std::int64_t most_ = 0;                 ///< Bytes kept of one task.
    std::unordered_map<TaskId, Last> last_; ///< Of tasks that run.
    std::uint64_t flushes_ = 1;
    /// Another one after each write that failed. Shared with writes that are under way.
    std::shared_ptr<std::uint64_t> writes_ = std::make_shared<std::uint64_t>(0);
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
