#include "runs.hpp"

namespace elves {

void Runs::write_metrics(MetricWriter& to) const
{
    std::map<std::string_view, double> waiting{{"window", 0}, {"cap", 0}};
    std::map<std::pair<RunState, RunWhy>, double> open;
    for (auto const& [id, entry] : active_) {
        auto const& run = entry->run.run();
        ++open[{run.state, run.why}];
        entry->run.each_held_back([&](std::string_view place, std::size_t hosts) {
            waiting[gate_kind(place)] += static_cast<double>(hosts);
        });
    }
    for (auto const& [kind, hosts] : waiting)
        to.gauge("gate_waiting", gate_waiting_help, hosts, {{"of", "host"}, {"why", kind}});
    for (auto const& [which, count] : open) {
        to.gauge("runs_open", "Runs that have not ended, and why they are not running.", count,
            {{"state", state_text(which.first)}, {"why", why_text(which.second)}});
    }
    for (auto const& [state, count] : ended_) {
        to.counter("runs_total", "Runs that have ended since the start.", static_cast<double>(count),
            {{"state", state_text(state)}});
    }
}

} // namespace elves
