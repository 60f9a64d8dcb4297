#pragma once

#include <functional>
#include <string_view>
#include <vector>

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

    InstructService(Tasks& tasks, OwnCron& cron, Reports& reports, Zone const& zone)
        : tasks_(tasks), cron_(cron), reports_(reports), zone_(zone)
    {
    }
    void declare(MethodTable& table);

private:
    struct Instruct {
        TaskId id;
        TaskType type = TaskType::async;
        Instruction ins;
        std::string account;
        std::optional<std::int64_t> workers;
        std::optional<TaskId> cron_id;         ///< Of a firing of the server's: which,
        std::optional<std::int64_t> fire_time; ///< and of when, in ms since 1970.
    };
    struct One {
        TaskId id;
    };
    struct Many {
        std::vector<TaskId> id;
    };
    struct Crons {
        CronList cron_list;
    };

    asio::awaitable<Reply> instruct(Instruct in, Caller caller);
    [[nodiscard]] asio::awaitable<void> require_no_other(TaskId id, Firing firing);
    asio::awaitable<Reply> cancel(One in);
    asio::awaitable<Reply> set_crons(Crons in);
    asio::awaitable<Reply> status(Many in);
    [[nodiscard]] json::object standing(TaskId id, std::optional<Entry> const& entry) const;
    Reply confirm(Many const& in);

    Tasks& tasks_;
    OwnCron& cron_;
    Reports& reports_;
    Zone const& zone_;
};

} // namespace elves::agent
