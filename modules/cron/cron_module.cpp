// The glue: what a Cron is made of in the house.
#include "cron.hpp"
#include "cron_watch.hpp"
#include "elves/services/metrics.hpp"

namespace elves {

namespace {

struct OwnJobs {
    explicit OwnJobs(Host& host) : jobs(host.store, host.find<Quotas>()) {}
    CronJobs jobs;
};

/// The jobs are made before the module that uses them, and go after it.
class CronModule final : private OwnJobs, public Cron {
public:
    explicit CronModule(Host& host)
        : OwnJobs(host)
        , Cron(jobs, host.need<Presence>("cron"), host.need<TaskEngine>("cron"), host.clock, host.zone,
              host.loop, host.find<Quotas>())
        , clock_(host.clock)
        , zone_of_server_(host.zone)
    {
        set_authority(host.find<Authority>());
        set_applications(host.find<AgentApplications>());
        if (auto* const quotas = host.find<Quotas>()) {
            quotas->add(jobs);
            quotas->add(*this);
        }
    }

    [[nodiscard]] std::vector<std::string> warnings() const override
    {
        auto line = overdue_warning(jobs, zone_of_server_, clock_.now());
        return line.empty() ? std::vector<std::string>() : std::vector<std::string>{std::move(line)};
    }

    void write_metrics(MetricWriter& to) const
    {
        write_watch_metrics(jobs, zone_of_server_, to);
        std::map<std::pair<CronType, bool>, double> counts;
        for (auto const& [id, job] : jobs.all()) ++counts[{job.type, job.on}];
        for (auto const& [kind, count] : counts) {
            to.gauge("cron_jobs", "Cron jobs.", count,
                {{"type", type_text(kind.first)}, {"state", kind.second ? "on" : "off"}});
        }
    }

private:
    Clock const& clock_;
    Zone zone_of_server_;
};

} // namespace

std::unique_ptr<Module> make_cron(Host& host)
{
    auto made = std::make_unique<CronModule>(host);
    if (auto* const metrics = host.find<Metrics>())
        metrics->add([module = made.get()](MetricWriter& to) { module->write_metrics(to); });
    CronJobs::migrate(host.store);
    return made;
}

} // namespace elves
