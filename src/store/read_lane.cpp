#include "store/read_lane.hpp"

#include <algorithm>
#include <utility>

#include <sqlite3.h>

#include "elves/assert.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"
#include "store/open_db.hpp"
#include "store/sqlite_error.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

/// SQLite's virtual instructions between two looks at the clock; some 50 µs.
constexpr int steps_between_looks = 1'000;

} // namespace

ReadLane::ReadLane(std::string path, Limits limits, std::shared_ptr<Completions> completions)
    : path_(std::move(path)), limits_(limits), completions_(std::move(completions))
{
    for (std::size_t i = 0; i < limits_.threads; ++i) readers_.push_back({nullptr, {}, &stopping_});
    readers_.front().db = open_db(path_, Access::read_only);
    for (auto& reader : readers_) threads_.emplace_back([this, &reader] { run(reader); });
}

ReadLane::~ReadLane() { stop(); }

void ReadLane::stop()
{
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    auto const gone = std::exchange(reads_, {});
}

bool ReadLane::add(Unit& unit, std::int64_t after)
{
    bool is_ready = false;
    {
        std::lock_guard const lock(mutex_);
        if (reads_.size() >= limits_.waiting) return false;
        reads_.push_back({std::move(unit), after});
        is_ready = has_ready();
    }
    if (is_ready) ready_.notify_one();
    return true;
}

void ReadLane::written(std::int64_t finished)
{
    bool is_ready = false;
    {
        std::lock_guard const lock(mutex_);
        ELVES_ASSERT(finished >= finished_, "a write that had finished is unfinished again");
        finished_ = finished;
        is_ready = has_ready();
    }
    if (is_ready) ready_.notify_all();
}

void ReadLane::run(Reader& reader)
{
    std::unique_lock lock(mutex_);
    while (true) {
        ready_.wait(lock, [&] { return stopping_ || has_ready(); });
        if (stopping_) break;
        std::vector<Unit> one;
        one.push_back(std::move(reads_.front().unit));
        reads_.pop_front();
        lock.unlock();
        read(reader, one.front());
        completions_->finish(std::move(one));
        lock.lock();
    }
}

void ReadLane::open(Reader& reader) const
{
    if (reader.db) return;
    try {
        reader.db = open_db(path_, Access::read_only);
    } catch (std::exception const& error) {
        ELVES_LOG(error, "store: " << error.what());
        throw Error(codes::store_cannot_write, "the store cannot read: its file cannot be opened");
    }
}

void ReadLane::read(Reader& reader, Unit& unit) const
{
    try {
        open(reader);
        reader.deadline = std::chrono::steady_clock::now() + limits_.time;
        sqlite3_progress_handler(
            reader.db->handle(), steps_between_looks,
            [](void* self) { return static_cast<Reader const*>(self)->is_over() ? 1 : 0; }, &reader);
        Transaction transaction(*reader.db, Transaction::Kind::read);
        unit.work(*reader.db);
    } catch (DiskError const&) {
        unit.error = std::current_exception();
        reader.db.reset();
    } catch (...) {
        unit.error = std::current_exception();
    }
}

bool ReadLane::Reader::is_over() const { return *stopping || std::chrono::steady_clock::now() > deadline; }

} // namespace elves
