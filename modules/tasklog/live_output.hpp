#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/output_stream.hpp"
#include "elves/store.hpp"
#include "elves/task_id.hpp"
#include "task_records.hpp"

namespace elves {

/// A piece of what a worker printed, as its agent sent it.
struct ArrivedOutput {
    TaskId id;
    OutputStream stream = OutputStream::output;
    std::int64_t at = 0; ///< Bytes from the beginning of its stream.
    std::string data;
    std::string by;         ///< The key on whose account it is written; "" for none.
    bool is_final = false;  ///< The task has reached its final state: not much more of it comes.
    bool fills_gaps = true; ///< Of an agent that sends nothing twice: a small gap before it stays one.
};

/// Write-behind buffer for what workers print: a few writes a second for all tasks together, bounded in
/// memory and for each task. Small pieces are merged into rows of up to 1 KiB. What is there already is not
/// written twice, whatever is sent again. On the loop's thread.
class LiveOutput {
public:
    /// Bytes that were written for a key.
    using OnWritten = std::function<void(std::string const& by, std::int64_t bytes)>;

    LiveOutput(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    /// Bytes that are kept of each stream of a task.
    void set_most(std::int64_t bytes) { most_ = bytes; }
    [[nodiscard]] std::int64_t most() const noexcept { return most_; }
    void on_written(OnWritten then) { on_written_ = std::move(then); }
    /// What is beyond the bound of its task is counted as left out. False: the disk does not keep up, and
    /// nothing was taken.
    [[nodiscard]] bool add(ArrivedOutput arrived);
    /// Counts bytes that are not kept.
    void leave_out(TaskId id, std::size_t bytes);
    /// Returns when all that was added before is on disk. Throws Error 507.1 where the disk did not take it.
    [[nodiscard]] asio::awaitable<void> on_disk();
    /// The task has ended: what still comes of it is compared with the disk.
    void forget(TaskId id) { last_.erase(id); }
    /// Writes what is held. Whoever reads output next sees it: the store's reads come after its writes.
    void flush();

private:
    struct Piece {
        TaskId id;
        OutputStream stream;
        /// Where its row begins, to be appended to; `new_row`: a row of its own.
        std::int64_t row;
        task_records::OutputPiece piece;
        std::string by;
    };
    /// The row that a stream was written to last.
    struct Last {
        std::int64_t row = -1; ///< Where it begins; -1: there is none.
        std::int64_t end = 0;  ///< Where what is new begins.
        bool takes_more = false;
        std::uint64_t writes = 0; ///< `writes_` when it was begun.
        std::uint64_t flush = 0;  ///< `flushes_` when `held` was set: from then on that is no more.
        std::size_t held = 0;     ///< Its piece in `held_`.
        int gaps = 0;             ///< Left open so far.
        /// From here to `end` nothing is missing, where no write has failed since.
        std::int64_t whole_from = 0;
    };
    struct Streams {
        Last output;
        Last errors;
    };
    struct Batch;

    static constexpr std::int64_t new_row = -1;

    void cut_to_bound(ArrivedOutput& arrived);
    void cut_known(Last const& last, ArrivedOutput& arrived) const;
    [[nodiscard]] bool fits_last_row(Last const& last, ArrivedOutput const& arrived) const;
    void begin_row(Last& last, ArrivedOutput arrived);
    void append(Last& last, ArrivedOutput arrived);
    void hold(Last& last, std::int64_t row, ArrivedOutput arrived);
    void flush_soon();
    void written(Batch const& batch, std::exception_ptr const& failure);

    Store& store_;
    Clock& clock_;
    OnWritten on_written_;
    std::int64_t most_ = 0;
    std::unordered_map<TaskId, Streams> last_; ///< Of tasks that run.
    std::vector<TaskId> ended_;                ///< Of those, the ones that have ended: until the next flush.
    std::uint64_t flushes_ = 1;
    std::uint64_t writes_ = 0;  ///< Another one after each write that failed.
    std::exception_ptr failed_; ///< Why the last one failed that did.
    std::vector<Piece> held_;
    std::size_t held_bytes_ = 0;
    std::size_t writing_bytes_ = 0;
    std::unordered_map<TaskId, std::int64_t> left_out_; ///< Not on disk yet.
    std::vector<OneShot<std::exception_ptr>> waiting_;  ///< For the next flush.
    Timer flushing_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0); ///< Held weakly by writes under way.
};

/// Bytes of one stream from `offset` on.
struct OutputRange {
    std::int64_t offset = 0;
    std::int64_t limit = 0;
    std::int64_t size = 0; ///< Of the whole stream.
};
/// More than a page needs, so that its last character is known.
inline constexpr std::int64_t page_margin = 4;
/// The text of a range, cut between characters, at least one of them where there is one. What is missing
/// between two pieces is shown as `[N bytes left out]`, filled up with `?` to its length.
[[nodiscard]] std::string output_page(
    std::vector<task_records::OutputPiece> const& pieces, OutputRange const& range);

} // namespace elves
