#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "elves/store.hpp"
#include "sim/nature.hpp"
#include "sim/sim_vfs.hpp"
#include "store/store_reader.hpp"
#include "store/store_writer.hpp"

namespace elves::sim {

/// A machine's disk with the data file of its program.
class SimDisk {
public:
    explicit SimDisk(std::string name);

    /// How bad it is just now.
    struct Faults {
        bool full = false;                 ///< Every write gets Error 507.1.
        int refuses = 0;                   ///< In so many of a thousand commits a write fails.
        std::chrono::microseconds slow{0}; ///< More for each write.
        int forgets = 0;                   ///< Planted bug: so many of a thousand are confirmed, not kept.
        int rushes = 0;                    ///< Planted bug: so many are confirmed before they are kept.
    };
    Faults faults;
    [[nodiscard]] bool is_well() const noexcept
    {
        return !faults.full && faults.refuses == 0 && faults.slow == std::chrono::microseconds(0) &&
               !crash_at_write;
    }
    /// Called once, at the next write, just before or just after it is committed: ends the process.
    std::function<void()> crash_at_write;
    bool crash_before_commit = false;
    /// Called once the tables are there.
    std::function<void(Db&)> begin_watch;
    /// Called after each commit.
    std::function<void(Db&)> on_commit;

    /// The writing connection of the program that runs; null while none does.
    [[nodiscard]] Db* db() const noexcept { return db_; }
    [[nodiscard]] std::string const& name() const noexcept { return name_; }

    SimFiles files;

private:
    friend class SimStore;
    std::string name_;
    Db* db_ = nullptr;
};

/// The product's store (StoreWriter, StoreReader, group commit) on a SimDisk; in place of its threads the
/// world says when a group is written and a read is run. The one who made it ends it (`cut`) before anything
/// that it works for.
class SimStore final : public Store {
public:
    SimStore(Nature& nature, SimDisk& disk, LoopExecutor loop);

    void post(Work work, Done done) override;
    void post_read(Work work, Done done) override;
    void migrate(std::string_view module, std::string_view schema) override;
    void at_start(Work const& work) override;

    /// Once the tables are there: each connection from now on is watched.
    void watch();
    /// A crash: what is not on disk is lost, and nobody is told of anything any more.
    void cut();
    /// An orderly end: what was posted is brought to disk, and then as above.
    void close();

private:
    struct Read {
        Unit unit;
        std::int64_t after;
    };
    /// What the world calls back after a while, unless this is cut by then.
    [[nodiscard]] std::function<void()> if_here(void (SimStore::*then)());
    void begin_write();
    void write();
    void commit(std::vector<Unit>& group);
    void write_group(std::vector<Unit>& group);
    /// In the middle of a commit the power fails.
    void tear_commit();
    bool try_out(std::vector<Unit> const& group);
    /// The writing connection, watched; throws Error 507.1.
    Db& open();
    void look();
    void leave();
    void commit_late();
    void finish();
    void begin_read();
    void read();
    void tell(Unit unit);

    Nature& nature_;
    SimDisk& disk_;
    LoopExecutor loop_;
    std::unique_ptr<StoreWriter> writer_; ///< Null once it is cut.
    std::unique_ptr<StoreReader> reader_;
    std::atomic<bool> stopping_ = false;
    bool watches_ = false;
    bool power_fails_ = false;
    std::vector<Unit> writes_;
    std::vector<Unit> group_; ///< Those that are being written, or are, and have not been told so.
    std::deque<Read> reads_;
    std::int64_t posted_ = 0;
    std::int64_t finished_ = 0;
    bool writing_ = false;
    bool reading_ = false;
    std::shared_ptr<int> here_ = std::make_shared<int>(0); ///< Null once it is cut.
};

} // namespace elves::sim
