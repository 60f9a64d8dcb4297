#include "store/sqlite_store.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <sqlite3.h>

#include "elves/assert.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "store/group_commit.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/sqlite_error.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

/// Between two looks at whether the data file is still there, where nothing is written.
constexpr std::chrono::seconds between_looks{1};
constexpr std::chrono::seconds between_looks_at_space{10};

std::exception_ptr lost_file()
{
    return std::make_exception_ptr(
        Error(codes::store_cannot_write, "the store cannot write: its file was removed or replaced"));
}

/// Before it is opened for writing, which changes its header.
void require_not_foreign(std::string const& path)
{
    if (std::filesystem::file_size(path) == 0) return;
    try {
        if (content_of(*open_as_it_is(path)) != Content::foreign) return;
    } catch (DamagedFile const&) {
        return; // opening it for writing says so
    }
    throw std::runtime_error(
        "data file " + path +
        ": is not one of this program: it has tables of another program; name another file");
}

} // namespace

SqliteStore::SqliteStore(LoopExecutor loop, std::string path, Limits limits)
    : path_(std::move(path))
    , limits_(limits)
    , lock_(path_)
    , completions_(std::make_shared<Completions>(std::move(loop)))
{
    make_or_check_file(path_);
    require_not_foreign(path_);
    writer_ = std::make_unique<StoreWriter>(path_);
    look_ups_ = std::make_unique<ReadLane>(
        path_, ReadLane::Limits{limits_.reads, 1, limits_.read_time}, completions_);
    scans_ = std::make_unique<ReadLane>(
        path_, ReadLane::Limits{limits_.scans, limits_.scan_threads, limits_.read_time}, completions_);
    watch_ = std::make_unique<FileWatch>(path_);
    write_thread_ = std::thread([this] { write_all(); });
}

SqliteStore::~SqliteStore() { close(); }

void SqliteStore::close()
{
    {
        std::lock_guard const lock(mutex_);
        if (stopping_) return;
        stopping_ = true;
    }
    for_writer_.notify_one();
    look_ups_->stop();
    scans_->stop();
    write_thread_.join();
    completions_->drop();
}

void SqliteStore::post(Work work, Done done) { queue(std::move(work), std::move(done), true); }

void SqliteStore::post_probe(Done done)
{
    post([](Db& db) { db.run("UPDATE module_version SET version = version").execute(); }, std::move(done));
}

void SqliteStore::post_soon(Work work, Done done) { queue(std::move(work), std::move(done), false); }

void SqliteStore::queue(Work work, Done done, bool now)
{
    if (stopping_) return;
    completions_->expect();
    Unit unit{std::move(work), std::move(done)};
    std::unique_lock lock(mutex_);
    if (counters_.queued >= static_cast<std::int64_t>(limits_.writes)) {
        lock.unlock();
        return refuse(std::move(unit));
    }
    bool const is_first = writes_.empty();
    bool const is_first_urgent = now && !now_;
    if (is_first) soon_ = std::chrono::steady_clock::now() + limits_.soon;
    now_ = now_ || now;
    writes_.push_back(std::move(unit));
    ++counters_.posted;
    ++counters_.queued;
    lock.unlock();
    // The others change nothing of what the writer waits for. Unlocked: the writer locks at once.
    if (is_first || is_first_urgent) for_writer_.notify_one();
}

void SqliteStore::post_read(Work work, Done done)
{
    queue_read(*look_ups_, std::move(work), std::move(done));
}

void SqliteStore::post_scan(Work work, Done done) { queue_read(*scans_, std::move(work), std::move(done)); }

void SqliteStore::queue_read(ReadLane& lane, Work work, Done done)
{
    if (stopping_) return;
    completions_->expect();
    Unit unit{std::move(work), std::move(done)};
    std::int64_t after = 0;
    bool is_first_urgent = false;
    {
        std::lock_guard const lock(mutex_);
        after = counters_.posted;
        is_first_urgent = !writes_.empty() && !std::exchange(now_, true);
    }
    if (is_first_urgent) for_writer_.notify_one();
    if (!lane.add(unit, after)) refuse(std::move(unit));
}

void SqliteStore::refuse(Unit unit)
{
    unit.error =
        std::make_exception_ptr(Error(codes::too_much, "the store has too much to do; try again later"));
    std::vector<Unit> one;
    one.push_back(std::move(unit));
    completions_->finish(std::move(one));
}

void SqliteStore::migrate(std::string_view module, std::string_view schema)
{
    schemas_.push_back({std::string(module), std::string(schema)});
}

void SqliteStore::apply_migrations()
{
    run_at_once([&](Db& db) { elves::migrate(db, schemas_); });
    schemas_.clear();
}

void SqliteStore::at_start(Work const& work)
{
    run_at_once([&](Db& db) {
        Transaction transaction(db);
        work(db);
        transaction.commit();
    });
}

void SqliteStore::run_at_once(Work const& work)
{
    AtOnce wanted{work};
    std::unique_lock lock(mutex_);
    at_once_ = &wanted;
    for_writer_.notify_one();
    for_at_once_.wait(lock, [&] { return wanted.over; });
    try {
        if (wanted.error) std::rethrow_exception(std::move(wanted.error));
    } catch (DamagedFile const& error) {
        throw std::runtime_error("data file " + path_ + ": " + error.what() + "; " + DamagedFile::advice);
    }
}

SqliteStore::Counters SqliteStore::counters() const
{
    std::lock_guard const lock(mutex_);
    return counters_;
}

void SqliteStore::write_all()
{
    std::unique_lock lock(mutex_);
    while (true) {
        wait_for_work(lock);
        if (!writes_.empty()) {
            auto group = std::exchange(writes_, {});
            now_ = false;
            lock.unlock();
            write_group(std::move(group));
            writer_->maintain([this] { return idle(); });
            lock.lock();
        } else if (at_once_ != nullptr) {
            // All that was posted before is done.
            auto& wanted = *std::exchange(at_once_, nullptr);
            lock.unlock();
            try {
                wanted.work(writer_->open());
            } catch (...) {
                wanted.error = std::current_exception();
            }
            lock.lock();
            wanted.over = true;
            for_at_once_.notify_one();
        } else if (stopping_) {
            break;
        } else {
            lock.unlock();
            static_cast<void>(has_lost_file());
            lock.lock();
        }
    }
    bool const wrote = counters_.commits > 0;
    lock.unlock();
    if (wrote) writer_->optimize();
}

void SqliteStore::wait_for_work(std::unique_lock<std::mutex>& lock)
{
    auto const is_due = [&] { return stopping_ || at_once_ != nullptr || now_; };
    for_writer_.wait_until(lock, next_look_, [&] { return is_due() || !writes_.empty(); });
    if (!is_due() && !writes_.empty()) for_writer_.wait_until(lock, soon_, is_due);
}

/// Looks at the file under its name, and logs what has changed.
bool SqliteStore::has_lost_file()
{
    next_look_ = std::chrono::steady_clock::now() + between_looks;
    look_at_space();
    auto const fault = watch_->look();
    {
        std::lock_guard const lock(mutex_);
        if (fault == file_fault_) return !fault.empty();
        file_fault_ = fault;
    }
    if (fault.empty()) {
        ELVES_LOG(
            warning, "store.file_back path=" << path_ << ": the data file is there again; writes are taken");
    } else {
        ELVES_LOG(error,
            "store.file_lost path=" << path_ << ": " << fault
                                    << " while it was open: all writes are refused. Put it back under "
                                       "its name, or stop this program, restore a backup, and start it");
    }
    return !fault.empty();
}

/// What went to a file that was removed or replaced meanwhile is not on disk for anybody who starts again.
GroupResult SqliteStore::write_to_file(std::vector<Unit>& group)
{
    GroupResult result;
    bool is_lost = !file_fault_.empty() && has_lost_file(); // only this thread changes it
    if (!is_lost) {
        result = writer_->write(group);
        if (result.in_doubt) watch_->forget_companions();
        is_lost = has_lost_file();
    }
    if (!is_lost) return result;
    for (auto& unit : group) {
        if (!unit.error) unit.error = lost_file();
    }
    return result;
}

void SqliteStore::look_at_space()
{
    auto const now = std::chrono::steady_clock::now();
    if (now - looked_at_space_ < between_looks_at_space) return;
    looked_at_space_ = now;
    auto const space = measure_disk_space(path_);
    std::lock_guard const lock(mutex_);
    space_.see(space);
}

DiskSpace SqliteStore::disk_space() const
{
    std::lock_guard const lock(mutex_);
    return space_.space();
}

std::vector<DiskSpaceWatch::Warning> SqliteStore::space_warnings() const
{
    std::lock_guard const lock(mutex_);
    return space_.warnings();
}

std::string SqliteStore::file_fault() const
{
    std::lock_guard const lock(mutex_);
    return file_fault_;
}

void SqliteStore::write_group(std::vector<Unit> group)
{
    auto const begun = std::chrono::steady_clock::now();
    auto const result = write_to_file(group);
    auto const took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    auto const units = static_cast<std::int64_t>(group.size());
    auto const failed =
        std::count_if(group.begin(), group.end(), [](Unit const& unit) { return unit.error != nullptr; });
    // Whoever has an answer finds it counted; and reads that waited for these writes answer after them.
    {
        std::lock_guard const lock(mutex_);
        ELVES_ASSERT(counters_.queued >= units, "more writes have ended than were queued");
        counters_.queued -= units;
        counters_.failed += failed;
        counters_.commits += result.commits;
        counters_.commit_seconds.observe(took);
    }
    completions_->finish(std::move(group));
    finished_ += units;
    look_ups_->written(finished_);
    scans_->written(finished_);
}

bool SqliteStore::idle() const
{
    std::lock_guard const lock(mutex_);
    return writes_.empty();
}

} // namespace elves
