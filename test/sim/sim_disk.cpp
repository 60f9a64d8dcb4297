#include "sim/sim_disk.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "elves/error.hpp"
#include "store/group_commit.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/transaction.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

SimDisk::SimDisk(std::string name) : name_(std::move(name)), db_(open_in_memory()) {}

SimStore::SimStore(Nature& nature, SimDisk& disk, LoopExecutor loop)
    : nature_(nature), disk_(disk), loop_(std::move(loop))
{
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
        if (!disk_.crash_before_commit) commit(group_ = std::exchange(writes_, {}));
        return crash(); // and this is gone
    }
    group_ = std::exchange(writes_, {});
    if (nature_.random.chance(disk_.faults.rushes)) {
        ELVES_SIM_TRACE(nature_.trace, disk_.name() << ": planted: confirmed before it is kept");
        // What they answer is known, and told; kept a good while later.
        try_out(group_);
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
    if (faults.full || nature_.random.chance(faults.refuses)) {
        ELVES_SIM_TRACE(nature_.trace, disk_.name() << ": the disk refuses " << group.size() << " writes");
        nature_.tally.see(Sight::write_refused);
        Error const error(codes::store_cannot_write, "the store cannot write: disk full");
        for (auto& unit : group) unit.error = std::make_exception_ptr(error);
        return;
    }
    if (nature_.random.chance(faults.forgets)) {
        ELVES_SIM_TRACE(
            nature_.trace, disk_.name() << ": planted: " << group.size() << " writes are not kept");
        return try_out(group);
    }
    ELVES_SIM_TRACE(nature_.trace, disk_.name() << ": commits " << group.size() << " writes");
    static_cast<void>(commit_group(disk_.db(), group));
    if (disk_.on_commit) disk_.on_commit(disk_.db());
}

/// They are run, and nothing of it stays.
void SimStore::try_out(std::vector<Unit> const& group)
{
    Transaction const transaction(disk_.db());
    for (auto const& unit : group) unit.work(disk_.db());
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
    try {
        Transaction const transaction(disk_.db(), Transaction::Kind::read);
        unit.work(disk_.db());
    } catch (...) {
        unit.error = std::current_exception();
    }
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
    elves::migrate(disk_.db(), {{std::string(module), std::string(schema)}});
}

void SimStore::at_start(Work const& work)
{
    Transaction transaction(disk_.db());
    work(disk_.db());
    transaction.commit();
    if (disk_.on_commit) disk_.on_commit(disk_.db());
}

void SimStore::cut()
{
    here_.reset();
    if (!writes_.empty()) nature_.tally.see(Sight::crash_before_commit);
    if (!group_.empty()) nature_.tally.see(Sight::crash_after_commit);
    auto const group = std::exchange(group_, {});
    auto const writes = std::exchange(writes_, {});
    auto const reads = std::exchange(reads_, {});
}

void SimStore::close()
{
    if (here_ && !writes_.empty()) commit(writes_);
    writes_.clear();
    group_.clear();
    cut();
}

} // namespace elves::sim
