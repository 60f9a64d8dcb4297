#include <deque>
#include <memory>
#include <vector>

#include "elves/sql.hpp"
#include "elves/task.hpp"
#include "elves/task_id_sequence.hpp"
#include "elves/task_life.hpp"
#include "floors/floors.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "store/transaction.hpp"
#include "tasklog/task_records.hpp"
#include "tasklog_schema.hpp"

namespace elves::bench {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto simple_schema = "CREATE TABLE lines (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT";
constexpr auto simple_insert = "INSERT INTO lines (text) VALUES (?)";

/// What one task costs on disk, from `sendasync` to its result, when each of its three writes meets others.
class WholeLives {
public:
    explicit WholeLives(Db& db) : db_(db) { migrate(db, {{"tasklog", tasklog_schema}}); }

    void write(std::size_t rows)
    {
        auto const now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
        std::vector<Task> sent;
        for (std::size_t i = 0; i < rows; ++i) {
            auto const& task = sent.emplace_back(new_task(now));
            task_records::insert(db_, task);
        }
        for (auto& task : taken_) {
            task = life::decide(
                task, life::Reported{{1, "toryzen", milliseconds(1), {}, {}, {}, {}, {}}}, {now, {}, {}})
                       .task;
            task_records::update(db_, task);
        }
        for (auto& task : sent_) {
            task = life::decide(task, life::Taken{milliseconds(1), false, task.handover}, {now, {}, {}}).task;
            task_records::update(db_, task);
        }
        taken_ = std::move(sent_);
        sent_ = std::move(sent);
    }

private:
    Task new_task(Instant now)
    {
        Task task;
        task.id = ids_.next(now);
        task.ins.app = "apptest";
        task.ins.func = "helloword";
        task.ins.param = R"({"my":"toryzen"})";
        task.ins.timeout = std::chrono::seconds(90);
        task.from = "127.0.0.1";
        task.start = now;
        task.status = TaskStatus::waiting;
        return life::decide(task, life::HandedOver{}, {now, {}, {}}).task;
    }

    Db& db_;
    TaskIdSequence ids_;
    std::vector<Task> sent_;
    std::vector<Task> taken_;
};

} // namespace

CommitRate measure_sqlite(
    std::string const& folder, std::size_t rows, bool whole_life, std::chrono::duration<double> length)
{
    auto const path = folder + "/floor.db";
    make_or_check_file(path);
    auto const db = open_db(path, Access::read_write);
    std::unique_ptr<WholeLives> lives;
    if (whole_life) {
        lives = std::make_unique<WholeLives>(*db);
    } else {
        db->script(simple_schema);
    }
    std::string const line(100, 'x');
    auto const write = [&] {
        if (lives) return lives->write(rows);
        for (std::size_t i = 0; i < rows; ++i)
            db->run(simple_insert).bind(1, std::string_view(line)).execute();
    };
    CommitRate rate;
    auto const begun = Clock::now();
    for (auto now = begun; now - begun < length;) {
        Transaction transaction(*db);
        write();
        transaction.commit();
        auto const after = Clock::now();
        rate.latency.add(static_cast<std::uint64_t>((after - now).count()));
        rate.rows += rows;
        now = after;
    }
    rate.length = Clock::now() - begun;
    return rate;
}

} // namespace elves::bench
