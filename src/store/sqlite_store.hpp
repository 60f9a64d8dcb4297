#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "elves/histogram.hpp"
#include "elves/store.hpp"
#include "store/completions.hpp"
#include "store/disk_space.hpp"
#include "store/file_lock.hpp"
#include "store/file_watch.hpp"
#include "store/migrations.hpp"
#include "store/read_lane.hpp"
#include "store/store_writer.hpp"
#include "store/unit.hpp"

namespace elves {

/// A Store on a SQLite file. One thread writes: it takes all that is queued into one transaction. Look-ups
/// and scans are read in lanes of their own (see ReadLane). Destroyed on the loop's thread, before the loop,
/// and closed by that if it is not yet.
class SqliteStore final : public Store {
public:
    struct Limits {
        std::size_t writes = 100'000;                ///< Not yet committed; one more gets Error 429.1.
        std::size_t reads = 1'000;                   ///< Look-ups that wait; one more gets Error 429.1.
        std::chrono::milliseconds read_time{10'000}; ///< For one read, then Error 429.1.
        std::size_t scans = 100;                     ///< As `reads`.
        std::size_t scan_threads = 2;                ///< As many scans run at a time.
        std::chrono::milliseconds soon{2};           ///< The longest that a `post_soon` waits for others.
        DiskSpaceLimits space{};
    };
    /// Writes only, since start; `queued` is what is neither committed nor failed.
    struct Counters {
        std::int64_t posted = 0;
        std::int64_t commits = 0; ///< Transactions: under load fewer than `posted`.
        std::int64_t failed = 0;
        std::int64_t queued = 0;
        Histogram commit_seconds{}; ///< Of each group's transactions together, sync included.
    };

    /// Throws std::runtime_error, one line that names the file and what to do, where it can't be used.
    SqliteStore(LoopExecutor loop, std::string path, Limits limits);
    SqliteStore(LoopExecutor loop, std::string path) : SqliteStore(std::move(loop), std::move(path), Limits())
    {
    }
    ~SqliteStore() override;

    /// Writes that are queued are brought to disk, reads are dropped, and no `done` is called any more. What
    /// is posted from now on is dropped too, and with it the coroutine that would wait for it.
    void close();

    void post(Work work, Done done) override;
    void post_soon(Work work, Done done) override;
    void post_read(Work work, Done done) override;
    void post_scan(Work work, Done done) override;
    /// Writes a page that changes nothing: `done` says whether the disk takes it.
    void post_probe(Done done);
    void migrate(std::string_view module, std::string_view schema) override;
    void at_start(Work const& work) override;

    /// Before the loop runs only, once all modules are made: brings every table up to date in one
    /// transaction. Throws std::runtime_error where one of them is of a newer program; the file is left as it
    /// is then.
    void apply_migrations();
    /// Any thread.
    [[nodiscard]] Counters counters() const;
    /// What is wrong with the data file under its name, one line: it was removed or replaced while it was
    /// open, and writes get Error 507.1. "" where nothing is. Up to a second old. Any thread.
    [[nodiscard]] std::string file_fault() const;
    /// The room that the data file takes and has; up to ten seconds old. Any thread.
    [[nodiscard]] DiskSpace disk_space() const;
    [[nodiscard]] std::vector<DiskSpaceWatch::Warning> space_warnings() const;

private:
    struct AtOnce {
        Work const& work;
        std::exception_ptr error = nullptr;
        bool over = false;
    };

    void queue(Work work, Done done, bool now);
    void queue_read(ReadLane& lane, Work work, Done done);
    void refuse(Unit unit);
    void run_at_once(Work const& work);

    // The writer's thread.
    void write_all();
    void wait_for_work(std::unique_lock<std::mutex>& lock);
    void write_group(std::vector<Unit> group);
    GroupResult write_to_file(std::vector<Unit>& group);
    [[nodiscard]] bool has_lost_file();
    void look_at_space();
    [[nodiscard]] bool idle() const;

    std::string path_;
    Limits limits_;
    FileLock lock_;
    std::shared_ptr<Completions> completions_;

    std::vector<Schema> schemas_; ///< Not yet applied.

    // Closed in the reverse order: the last to go may write, and so folds the -wal file into the database.
    std::unique_ptr<StoreWriter> writer_;
    std::unique_ptr<ReadLane> look_ups_;
    std::unique_ptr<ReadLane> scans_;
    std::unique_ptr<FileWatch> watch_;                ///< The writer's.
    std::chrono::steady_clock::time_point next_look_; ///< At the file; the writer's.
    std::chrono::steady_clock::time_point looked_at_space_;
    std::int64_t finished_ = 0; ///< Writes, committed or failed; the writer's.
    std::atomic<bool> stopping_ = false;

    mutable std::mutex mutex_; ///< Over all below.
    std::condition_variable for_writer_;
    std::condition_variable for_at_once_;
    std::vector<Unit> writes_;
    bool now_ = false;                           ///< One of them was not posted by `post_soon`.
    std::chrono::steady_clock::time_point soon_; ///< Otherwise they are written then.
    AtOnce* at_once_ = nullptr;
    Counters counters_;
    std::string file_fault_;
    DiskSpaceWatch space_{limits_.space};

    std::thread write_thread_;
};

} // namespace elves
