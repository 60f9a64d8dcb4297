#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "agent/server_bounds.hpp"
#include "agent/tasks.hpp"
#include "elves/peer.hpp"

namespace elves::agent {

/// Brings results to the server, each again and again until it is confirmed: after pauses of 1 s, doubling
/// up to 60 s, and from the beginning on every new link. One that went another way, as the `back` of an `rt`
/// instruction, and is not confirmed a minute or two later, goes this way too. On the loop's thread.
class Reports {
public:
    /// `zone`: of the times in a report; it may change.
    Reports(LoopExecutor loop, Clock& clock, Tasks& tasks, Zone const& zone, ServerBounds& bounds);

    /// The server is there: all that is not confirmed goes to it.
    void link_up(std::shared_ptr<Peer> server);
    void link_down();
    /// How large a frame to the server may be.
    [[nodiscard]] std::size_t max_frame() const noexcept { return bounds_.max_frame(); }
    /// One more result.
    void add(TaskId id);
    /// Tells the server whether a task waits for a worker; lost without a link: the server asks on the next
    /// one.
    void tell_queued(TaskId id, bool is_queued) const;
    /// A run of an own cron job goes on: tells the server, once, if it is there. All of them are told on a
    /// new link.
    void add_run(TaskId id);

private:
    struct Sending {
        std::chrono::milliseconds wait{0}; ///< The last pause.
        Timer timer;
        int refused = 0;
    };

    void look_for_old();
    void send_next();
    [[nodiscard]] asio::awaitable<bool> send(TaskId id, std::shared_ptr<Peer> server);
    void sent(TaskId id, std::shared_ptr<Peer> const& server, bool is_over);
    [[nodiscard]] bool is_final(TaskId id, Back const& back);
    void send_next_run();
    [[nodiscard]] asio::awaitable<void> send_run(TaskId id, std::shared_ptr<Peer> server);

    LoopExecutor loop_;
    Clock& clock_;
    Tasks& tasks_;
    Zone const& zone_;
    ServerBounds& bounds_;
    std::shared_ptr<Peer> server_; ///< Null: there is no link.
    std::unordered_map<TaskId, Sending> sending_;
    std::deque<TaskId> queue_;
    Tasks::Unconfirmed old_; ///< Not confirmed when it was last looked.
    Timer looking_;
    std::size_t in_flight_ = 0;
    std::deque<TaskId> runs_; ///< That the server is to be told of.
    std::size_t runs_in_flight_ = 0;
};

} // namespace elves::agent
