#include "sim/sim_disk.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "elves/error.hpp"
#include "store/migrations.hpp"
#include "store/transaction.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto file_name = "elves.db";
/// A commit has about as many writes: what fails after so many fails within it, mostly.
constexpr std::size_t writes_of_a_commit = 8;
constexpr auto read_limit = 10s;

} // namespace

SimDisk::SimDisk(std::string name) : files(name), name_(std::move(name)) {}

SimStore::SimStore(Nature& nature, SimDisk& disk, LoopExecutor loop)
    : nature_(nature), disk_(disk), loop_(std::move(loop))
{
    auto const path = disk_.files.path(file_name);
    if (!disk_.files.find(path)) static_cast<void>(disk_.files.make(path));
    writer_ = std::make_unique<StoreWriter>(path, SimFiles::vfs_name);
    reader_ = std::make_unique<StoreReader>(path, SimFiles::vfs_name);
    static_cast<void>(open());
}

Db& SimStore::open()
{
    auto& db = writer_->open();
    if (std::exchange(disk_.db_, &db) == &db) return db;
    db.script("PRAGMA temp_store = MEMORY");
    if (watches_ && disk_.begin_watch) disk_.begin_watch(db);
    return db;
}

void SimStore::watch()
{
    auto& db = open();
    watches_ = true;
    if (disk_.begin_watch) disk_.begin_watch(db);
}

void SimStore::look()
{
    if (disk_.on_commit && disk_.db_) disk_.on_commit(*disk_.db_);
}

std::function<void()> SimStore::if_here(void (SimStore::*then)())
{
    return [this, then, here = std::weak_ptr(here_)] {
        if (!here.expired()) (this->*then)();
    };
}

void SimStore::post(Work work, Done done)
{
    if (!here_) return;
    ++posted_;
    writes_.push_back({std::move(work), std::move(done)});
    begin_write();
}

void SimStore::begin_write()
{
    if (writing_ || writes_.empty()) return;
    writing_ = true;
    auto const latency =
        nature_.random.chance(20) ? nature_.random.time(20ms, 3s) : nature_.random.time(100us, 10ms);
    nature_.time.after(latency + disk_.faults.slow, if_here(&SimStore::write));
}

void SimStore::write()
{
    if (auto const crash = std::exchange(disk_.crash_at_write, nullptr)) {
        if (disk_.crash_before_commit) {
            tear_commit();
        } else {
            commit(group_ = std::exchange(writes_, {}));
        }
        return crash(); // and this is gone
    }
    group_ = std::exchange(writes_, {});
    if (nature_.random.chance(disk_.faults.rushes)) {
        ELVES_SIM_TRACE(nature_.trace, disk_.name() << ": planted: confirmed before it is kept");
        // What they answer is known, and told; kept a good while later.
        static_cast<void>(try_out(group_));
        for (auto& unit : group_) tell({nullptr, std::exchange(unit.done, nullptr)});
        nature_.time.after(nature_.random.time(1s, 5s), if_here(&SimStore::commit_late));
        return;
    }
    commit(group_);
    // In between the world may end this process: on disk, and nobody has been told.
    nature_.time.after(nature_.random.time(0us, 500us), if_here(&SimStore::finish));
}

void SimStore::commit_late()
{
    commit(group_);
    finish();
}

void SimStore::commit(std::vector<Unit>& group)
{
    auto const& faults = disk_.faults;
    if (nature_.random.chance(faults.forgets)) {
        ELVES_SIM_TRACE(
            nature_.trace, disk_.name() << ": planted: " << group.size() << " writes are not kept");
        static_cast<void>(try_out(group));
        return;
    }
    // Not where the group is divided: what of it is committed before the fault would not be seen.
    bool const fails = nature_.random.chance(faults.refuses) && try_out(group);
    disk_.files.is_full = faults.full;
    if (fails)
        disk_.files.writes_left = 1 + static_cast<std::int64_t>(nature_.random.below(writes_of_a_commit));
    ELVES_SIM_TRACE(nature_.trace, disk_.name() << ": commits " << group.size() << " writes");
    write_group(group);
    disk_.files.is_full = false;
    disk_.files.writes_left = -1;
    writer_->maintain([this] { return writes_.empty(); });
    bool const refused =
        std::any_of(group.begin(), group.end(), [](Unit const& unit) { return unit.error != nullptr; });
    if (!refused || !(faults.full || fails)) return;
    ELVES_SIM_TRACE(nature_.trace, disk_.name() << ": the disk refuses them");
    nature_.tally.see(Sight::write_refused);
}

void SimStore::write_group(std::vector<Unit>& group)
{
    try {
        static_cast<void>(open());
    } catch (Error const&) {
        for (auto& unit : group) unit.error = std::current_exception();
        return;
    }
    auto const result = writer_->write(group);
    if (result.commits > 0) look();
    if (result.in_doubt) disk_.db_ = nullptr;
}

void SimStore::tear_commit()
{
    group_ = std::exchange(writes_, {});
    if (!try_out(group_)) return;
    disk_.files.writes_left = 1 + static_cast<std::int64_t>(nature_.random.below(writes_of_a_commit));
    write_group(group_);
    power_fails_ = true;
}

/// They are run, and nothing of it stays. False where one of them fails.
bool SimStore::try_out(std::vector<Unit> const& group)
{
    try {
        auto& db = open();
        Transaction const transaction(db);
        for (auto const& unit : group) unit.work(db);
    } catch (std::exception const&) {
        return false;
    }
    return true;
}

void SimStore::finish()
{
    auto group = std::exchange(group_, {});
    finished_ += static_cast<std::int64_t>(group.size());
    for (auto& unit : group) tell(std::move(unit));
    writing_ = false;
    begin_write();
    begin_read();
}

void SimStore::post_read(Work work, Done done)
{
    if (!here_) return;
    reads_.push_back({{std::move(work), std::move(done)}, posted_});
    begin_read();
}

void SimStore::begin_read()
{
    if (reading_ || reads_.empty() || reads_.front().after > finished_) return;
    reading_ = true;
    nature_.time.after(nature_.random.time(50us, 2ms), if_here(&SimStore::read));
}

void SimStore::read()
{
    auto unit = std::move(reads_.front().unit);
    reads_.pop_front();
    reader_->read(unit, read_limit, stopping_);
    tell(std::move(unit));
    reading_ = false;
    begin_read();
}

/// On the loop, as the store does; each for itself, so that the process may be ended between any two.
void SimStore::tell(Unit unit)
{
    unit.work = nullptr;
    if (!unit.done) return;
    asio::post(
        loop_, [done = std::move(unit.done), error = std::move(unit.error), here = std::weak_ptr(here_)] {
            if (!here.expired()) done(error);
        });
}

void SimStore::migrate(std::string_view module, std::string_view schema)
{
    elves::migrate(open(), {{std::string(module), std::string(schema)}});
}

void SimStore::at_start(Work const& work)
{
    auto& db = open();
    Transaction transaction(db);
    work(db);
    transaction.commit();
    look();
}

/// The program holds its file no more.
void SimStore::leave()
{
    disk_.db_ = nullptr;
    reader_.reset();
    writer_.reset();
}

void SimStore::cut()
{
    here_.reset();
    if (!writes_.empty()) nature_.tally.see(Sight::crash_before_commit);
    if (!group_.empty()) nature_.tally.see(Sight::crash_after_commit);
    auto const group = std::exchange(group_, {});
    auto const writes = std::exchange(writes_, {});
    auto const reads = std::exchange(reads_, {});
    if (!writer_) return;
    disk_.files.freeze();
    leave();
    disk_.files.thaw(power_fails_ || nature_.random.chance(500));
}

void SimStore::close()
{
    if (power_fails_) return cut(); // while it was about to end
    if (here_ && !writes_.empty()) commit(writes_);
    writes_.clear();
    group_.clear();
    if (writer_) writer_->optimize();
    leave();
    cut();
}

} // namespace elves::sim
