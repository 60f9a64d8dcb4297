#include "fleet_run.hpp"

#include "elves/text_fit.hpp"

namespace elves {

namespace {
constexpr std::size_t longest_answer = 512;
}

RunOutcome RunOutcome::of(Task const& task)
{
    RunOutcome outcome{std::string(status_text(task.status))};
    std::string_view text = task.sync_error;
    if (task.report) {
        outcome.exit_code = task.report->exit_code;
        outcome.cost = task.report->costtime;
        if (!task.report->result.empty() || text.empty()) text = task.report->result;
        if (text.empty()) text = task.report->stderr_text;
    }
    outcome.answer = head_that_fits(text, longest_answer);
    return outcome;
}

bool RunOutcome::is_failure(bool silent_fails) const noexcept
{
    if (state == "failed" || state == "timeout" || state == "lost") return true;
    return silent_fails && (state == "undelivered" || state == "expired");
}

} // namespace elves
