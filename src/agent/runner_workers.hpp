#pragma once

#include "agent/runner.hpp"
#include "agent/workers.hpp"

namespace elves::agent {

/// Workers as processes.
class RunnerWorkers final : public Workers {
public:
    explicit RunnerWorkers(Runner& runner) : runner_(runner) {}

    void run(TaskId id, Instruction const& ins, OnOutput on_output, OnDone on_done) override
    {
        runner_.run(id, ins, std::move(on_output), [done = std::move(on_done)](WorkerResult result) {
            WorkerReport report;
            report.flag = result.flag;
            report.result = std::move(result.result);
            report.costtime = result.costtime;
            report.stderr_text = std::move(result.stderr_text);
            if (result.exit_code >= 0) report.exit_code = result.exit_code;
            report.truncated = result.truncated;
            done(std::move(report));
        });
    }
    void cancel(TaskId id) override { runner_.cancel(id); }
    void shutdown() override { runner_.shutdown(); }

private:
    Runner& runner_;
};

} // namespace elves::agent
