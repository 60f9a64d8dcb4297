#pragma once

#include "agent/instruct_service.hpp"
#include "agent/kept_contact.hpp"
#include "agent/kept_output.hpp"
#include "agent/server_link.hpp"
#include "sim/sim_disk.hpp"
#include "sim/sim_network.hpp"
#include "sim/sim_workers.hpp"

namespace elves::sim {

/// One life of an agent: all of src/agent but its processes and its sockets.
class SimAgent final : public Process {
public:
    struct Place {
        Machine& machine;
        SimDisk& disk;
        SimNetwork& network;
        Machine& server;
        Invariants& invariants;
    };
    SimAgent(Nature& nature, Place place);
    ~SimAgent() override;

    /// As on SIGTERM.
    void stop();
    [[nodiscard]] bool is_over() const override { return over_; }
    [[nodiscard]] bool is_registered() const override { return registered_ && !orderly_; }
    /// The server has all that its workers have printed.
    [[nodiscard]] bool is_output_confirmed() const { return output_.unconfirmed() == 0; }

private:
    void link_up(std::shared_ptr<Peer> server);
    void begin_journal();
    void link_down(std::chrono::milliseconds quiet);
    void finish(Steady until);

    Place place_;
    agent::AgentSettings settings_;
    SimStore store_;
    Zone zone_;
    agent::ServerTime server_time_{clock};
    agent::JournalSince journal_since_{server_time_, std::chrono::hours(24)};
    agent::Journal journal_;
    agent::KeptContact contact_{io.get_executor(), clock, journal_, std::chrono::hours(24)};
    SimWorkers workers_;
    agent::Tasks tasks_;
    agent::ServerBounds bounds_;
    agent::KeptOutput output_;
    agent::Reports reports_;
    agent::OwnCron cron_;
    agent::InstructService service_;
    MethodTable methods_;
    Gate gate_;
    Router router_;
    agent::ServerLink link_;
    Timer stopping_;
    bool registered_ = false;
    bool over_ = false;
    bool orderly_ = false;
};

} // namespace elves::sim
