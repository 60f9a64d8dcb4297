#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/app_folders.hpp"
#include "agent/deploy_settings.hpp"
#include "agent/file_thread.hpp"
#include "agent/runner.hpp"
#include "agent/server_bounds.hpp"
#include "agent/workers.hpp"
#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/peer.hpp"

namespace elves::agent {

/// Runs the tasks of the reserved app: fetches a package over the agent's link, in pieces, and has a child
/// process check it and put it in the app's place. Tasks of all other apps go to `others`. On the loop's
/// thread; what it is made of outlives it.
class Deployer final : public Workers {
public:
    struct House {
        LoopExecutor loop;
        Clock& clock;
        Runner& runner;
        Workers& others;
        ServerBounds const& bounds;
    };
    Deployer(House house, std::filesystem::path apps, DeploySettings settings);

    /// Completes or undoes what a crash has interrupted. Before the loop runs.
    void recover();
    void link_up(std::shared_ptr<Peer> server);
    void link_down() { server_.reset(); }

    void run(TaskId id, Instruction const& ins, OnOutput on_output, OnDone on_done) override;
    void cancel(TaskId id) override;
    void shutdown() override;

private:
    struct Job {
        TaskId id;
        Instruction ins;
        Deployment deployment;
        OnDone on_done;
        Clock::Steady started{};
        Timer timer;
        bool is_over = false; ///< Its end was told: what still goes on for it is to stop.
        bool is_child = false;
    };
    using JobPtr = std::shared_ptr<Job>;
    /// What came of asking for some bytes.
    struct Piece {
        std::string bytes;
        std::string refused;       ///< Why the server will not give them.
        bool should_retry = false; ///< The link was lost, or the server is busy.
    };

    [[nodiscard]] asio::awaitable<void> deploy(JobPtr job);
    void require_allowed(Deployment const& deployment) const;
    [[nodiscard]] asio::awaitable<void> fetch(JobPtr job);
    [[nodiscard]] asio::awaitable<std::shared_ptr<Peer>> wait_for_server(JobPtr job);
    [[nodiscard]] asio::awaitable<void> ask(
        std::shared_ptr<Peer> server, json::object fields, std::size_t size, OneShot<Piece> piece);
    [[nodiscard]] std::int64_t piece_bytes() const;
    void start_child(JobPtr const& job);
    void child_ended(JobPtr const& job, WorkerResult result);
    void finish(JobPtr const& job, WorkerReport report);
    void give_up(JobPtr const& job, std::string const& why);
    void give_up_later(JobPtr const& job, std::string why);
    void remove_package(TaskId id);
    void tell_apps();
    void spawn(asio::awaitable<void> work);

    House house_;
    std::filesystem::path apps_;
    DeploySettings settings_;
    AppFolders folders_;
    FileThread files_;
    std::shared_ptr<Peer> server_; ///< Null while there is no link.
    std::vector<OneShot<bool>> link_waiters_;
    std::map<TaskId, JobPtr> jobs_;
};

} // namespace elves::agent
