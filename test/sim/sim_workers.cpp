#include "sim/sim_workers.hpp"

#include <boost/asio/post.hpp>
#include <stdexcept>

namespace elves::sim {

using namespace std::chrono_literals;

void SimWorkers::run(TaskId id, Instruction const& ins, OnOutput on_output, OnDone on_done)
{
    if (!home_.here) return;
    ELVES_SIM_TRACE(home_.nature.trace, home_.machine.name << ": worker of task " << id.text() << " starts");
    invariants_.worker_started(home_.machine.ip.text(), id);
    running_[id] = {std::move(on_output), std::move(on_done), home_.clock.steady()};
    auto& random = home_.nature.random;
    bool const is_quick = ins.func != "hold" && random.chance(700);
    auto takes = is_quick ? random.time(1ms, 200ms) : random.time(200ms, 40s);
    auto report = last_words(id, ins);
    if (takes >= ins.timeout) {
        takes = ins.timeout;
        report.flag = -1;
        report.result = "ran out of time after " + std::to_string(ins.timeout.count()) + " s";
    }
    if (random.chance(200)) {
        for (auto lines = random.between(1, 6); lines > 0; --lines) print_later(id, random.time(0us, takes));
    }
    end_later(id, takes, std::move(report));
}

WorkerReport SimWorkers::last_words(TaskId id, Instruction const& ins)
{
    WorkerReport report;
    auto const kind = home_.nature.random.below(10);
    report.flag = kind < 7 ? 1 : kind < 9 ? 0 : -1;
    // It begins with its flag, so that a result can't pass for one of another flag.
    report.result = std::string(report.flag == 1   ? "true"
                                : report.flag == 0 ? "no"
                                                   : "died") +
                    " of " + id.text() + " for " + ins.param;
    report.exit_code = report.flag == -1 ? 9 : 0;
    return report;
}

void SimWorkers::print_later(TaskId id, std::chrono::microseconds delay)
{
    auto const stream = home_.nature.random.chance(300) ? OutputStream::errors : OutputStream::output;
    home_.nature.time.after(delay, [this, id, stream, here = std::weak_ptr(home_.here)] {
        if (here.expired() || !running_.contains(id)) return;
        asio::post(home_.io, [this, id, stream, here] {
            if (!here.expired()) print(id, stream);
        });
    });
}

/// Each line is another one, so that none passes for another.
void SimWorkers::print(TaskId id, OutputStream stream)
{
    auto const found = running_.find(id);
    if (found == running_.end()) return;
    auto const line = "line " + std::to_string(++found->second.lines) + " of " + id.text() + "\n";
    invariants_.printed(id, stream, line);
    found->second.on_output(stream, line);
}

void SimWorkers::end_later(TaskId id, std::chrono::microseconds delay, WorkerReport report)
{
    home_.nature.time.after(delay, [this, id, report = std::move(report), here = std::weak_ptr(home_.here)] {
        if (here.expired()) return;
        asio::post(home_.io, [this, id, report, here] {
            if (!here.expired()) end(id, report);
        });
    });
}

void SimWorkers::end(TaskId id, WorkerReport report)
{
    auto const found = running_.find(id);
    if (found == running_.end()) return;
    auto const running = std::move(found->second);
    running_.erase(found);
    report.costtime =
        std::chrono::duration_cast<std::chrono::milliseconds>(home_.clock.steady() - running.begun);
    ELVES_SIM_TRACE(home_.nature.trace,
        home_.machine.name << ": worker of task " << id.text() << " ends with " << report.flag);
    invariants_.worker_ended(id, report);
    running.on_done(std::move(report));
}

void SimWorkers::cancel(TaskId id)
{
    WorkerReport report;
    report.result = "canceled";
    end_later(id, home_.nature.random.time(1ms, 5s), std::move(report));
}

void SimWorkers::shutdown()
{
    WorkerReport report;
    report.result = "the agent is shutting down";
    for (auto const& [id, running] : running_) end_later(id, home_.nature.random.time(1ms, 50ms), report);
}

} // namespace elves::sim
