#pragma once

#include <memory>
#include <vector>

#include "audit/audit_trail.hpp"
#include "elves/host.hpp"
#include "elves/module.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/services/dialer.hpp"
#include "sim/planted_services.hpp"
#include "sim/sim_disk.hpp"
#include "sim/sim_network.hpp"

namespace elves::sim {

/// One life of a server: its modules and its router; disk, network and clock are the simulation's.
class SimServer final : public Process, private AppDirectory, private Dialer {
public:
    struct Place {
        Machine& machine;
        SimDisk& disk;
        SimNetwork& network;
        Machine& processor; ///< Of every app.
        Zone zone;
        std::chrono::seconds give_up; ///< `tasklog.processor_give_up`
        RunBug run_bug = RunBug::none;
    };
    SimServer(Nature& nature, Place place);
    ~SimServer() override;

    /// Calls `then` for each agent that registers.
    void on_registered(std::function<void(Ip const&)> then);
    /// As on SIGTERM.
    void stop();
    [[nodiscard]] bool is_over() const override { return over_; }

private:
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view app) const override;
    [[nodiscard]] asio::awaitable<Back> call(std::string host, std::uint16_t port, std::string service,
        std::string method, json::object fields, std::chrono::milliseconds limit) override;
    void add(MakeModule make, Settings const& settings);
    void plant_for_runs();

    Place place_;
    SimStore store_;
    Host host_;
    Gate gate_;
    AuditTrail audit_;
    std::vector<std::unique_ptr<MethodTable>> tables_;
    Router router_;
    std::unique_ptr<PlantedEngine> planted_engine_; ///< Null where no bug is planted.
    std::unique_ptr<PlantedDirectory> planted_directory_;
    std::vector<std::unique_ptr<Module>> modules_;
    Timer stopping_;
    bool over_ = false;
    bool orderly_ = false;
};

} // namespace elves::sim
