#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "agent/journal_claim.hpp"
#include "agent/journal_since.hpp"
#include "agent/own_cron.hpp"
#include "agent/reports.hpp"
#include "agent/tasks.hpp"
#include "elves/method_table.hpp"

namespace elves::agent {

/// The whole table of the agent's own cron jobs: a list.
struct CronList {
    JsonDocument jobs;
};

/// The service `agent`: what the server may call on the agent's link. On the loop's thread.
class InstructService {
public:
    static constexpr std::string_view name = "agent";

    /// What the service needs of its agent; all of it outlives the service.
    InstructService(Clock& clock, Tasks& tasks, OwnCron& cron, Reports& reports, ServerTime& server_time,
        JournalSince const& since, Zone const& zone)
        : tasks_(tasks)
        , cron_(cron)
        , reports_(reports)
        , server_time_(server_time)
        , since_(since)
        , zone_(zone)
        , clock_(clock)
    {
    }
    void declare(MethodTable& table);
    /// What concerns the journal waits until that is this machine's. Without this it is. `claim` outlives the
    /// service.
    void wait_for(JournalClaim& claim) { claim_ = &claim; }
    /// From now on tasks that the agent does not have are refused with 503.1: the server sends those that may
    /// wait once more, later.
    void drain() { is_draining_ = true; }

private:
    struct Instruct {
        TaskId id;
        TaskType type = TaskType::async;
        Instruction ins;
        std::string account;
        std::optional<std::int64_t> workers;
        std::optional<std::int64_t> start_by;  ///< Ms since 1970, by the server's clock.
        std::chrono::milliseconds clock{0};    ///< How far that was set since the server's start, or back.
        std::optional<TaskId> cron_id;         ///< Of a firing of the server's: which,
        std::optional<std::int64_t> fire_time; ///< and of when, in ms since 1970.
    };
    struct One {
        TaskId id;
    };
    struct Many {
        std::vector<TaskId> id;
        std::optional<std::int64_t> start_by; ///< Those that are queued may start until then.
        std::chrono::milliseconds clock{0};
    };
    struct Crons {
        CronList cron_list;
    };

    asio::awaitable<Reply> instruct(Instruct in, Caller caller);
    asio::awaitable<void> take(Instruct in, Caller caller);
    asio::awaitable<void> ask_time(std::shared_ptr<Peer> server);
    [[nodiscard]] asio::awaitable<void> journal_is_ours();
    [[nodiscard]] asio::awaitable<void> earlier_ones();
    [[nodiscard]] asio::awaitable<void> require_no_other(TaskId id, Firing firing);
    asio::awaitable<Reply> cancel(One in);
    asio::awaitable<Reply> set_crons(Crons in);
    asio::awaitable<Reply> status(Many in, Caller caller);
    [[nodiscard]] json::object standing(TaskId id, std::optional<Entry> const& entry) const;
    Reply confirm(Many const& in);

    Tasks& tasks_;
    OwnCron& cron_;
    Reports& reports_;
    ServerTime& server_time_;
    JournalSince const& since_;
    Zone const& zone_;
    Clock& clock_;
    JournalClaim* claim_ = nullptr;
    bool is_draining_ = false;
    int asking_time_ = 0;
    std::vector<OneShot<bool>> time_waiters_; ///< Questions about tasks that wait for that.
};

} // namespace elves::agent
