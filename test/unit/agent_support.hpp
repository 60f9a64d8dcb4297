#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/instruct_service.hpp"
#include "agent/kept_output.hpp"
#include "manual_clock.hpp"
#include "support/inline_store.hpp"
#include "support/json_of.hpp"

namespace elves::agent {

/// Workers that end when the test says so.
class FakeWorkers final : public Workers {
public:
    void run(TaskId id, Instruction const&, OnOutput on_output, OnDone on_done) override
    {
        started.push_back(id);
        output_[id] = std::move(on_output);
        done_[id] = std::move(on_done);
        if (on_start) on_start(id);
    }
    void cancel(TaskId id) override { end(id, -1, "canceled"); }
    void shutdown() override
    {
        while (!done_.empty()) end(done_.begin()->first, -1, "the agent is shutting down");
    }
    void end(TaskId id, int flag = 1, std::string result = "fine")
    {
        auto const found = done_.find(id);
        if (found == done_.end()) return;
        auto const done = std::move(found->second);
        done_.erase(found);
        WorkerReport report;
        report.flag = flag;
        report.result = std::move(result);
        done(std::move(report));
    }
    void print(TaskId id, std::string_view text, OutputStream stream = OutputStream::output)
    {
        output_.at(id)(stream, text);
    }
    [[nodiscard]] bool runs(TaskId id) const { return done_.contains(id); }

    std::vector<TaskId> started; ///< In that order.
    std::function<void(TaskId)> on_start;

private:
    std::map<TaskId, OnOutput> output_;
    std::map<TaskId, OnDone> done_;
};

/// An agent without link and processes. `io` is polled by `settle`.
struct House {
    explicit House(InlineStore& store_, asio::io_context& io_, ManualClock& clock_, Tasks::Limits limits = {},
        RunRules rules = {}, std::string const& refused = {})
        : io(io_)
        , clock(clock_)
        , store(store_)
        , journal(store)
        , tasks(io.get_executor(), clock, server_time, journal, workers, limits, std::move(rules))
        , output(io.get_executor(), clock, journal, bounds, {})
        , reports(io.get_executor(), clock, tasks, zone, bounds)
        , cron(io.get_executor(), clock, journal, tasks, zone)
        , service(clock, tasks, cron, reports, server_time, journal_since, zone)
    {
        tasks.listen({[this](TaskId id, OutputStream stream, std::string_view text) {
                          output.put(id, stream, text);
                      },
            [this](TaskId id) { return output.end(id); }, [this](TaskId id) { results.push_back(id); }, {}});
        output.ask_unconfirmed([this](TaskId id) { return tasks.is_unconfirmed(id); });
        output.start(journal.load_output());
        cron.on_run([this](TaskId id) {
            told.push_back(id);
            reports.add_run(id);
        });
        service.declare(methods);
        tasks.set_refused(refused);
        tasks.start(journal.load_tasks(clock.now()));
        cron.start(journal.load_crons());
        settle();
    }
    void settle()
    {
        io.restart();
        io.poll();
    }
    void pass(std::chrono::milliseconds time)
    {
        clock.advance(time);
        settle();
    }
    /// Calls a method; the answer is there when it needs no more.
    std::shared_ptr<std::optional<json::object>> call(
        std::string const& method, json::object const& fields, std::string* error = nullptr)
    {
        auto answer = begin(method, fields, error);
        settle();
        return answer;
    }
    /// The same, and the loop has not turned yet.
    std::shared_ptr<std::optional<json::object>> begin(
        std::string const& method, json::object const& fields, std::string* error = nullptr)
    {
        auto answer = std::make_shared<std::optional<json::object>>();
        try {
            Caller caller;
            caller.peer = peer;
            auto result = methods.find(method)->run(json_of(fields).root(), caller);
            if (auto* reply = std::get_if<Reply>(&result)) {
                answer->emplace(reply->fields());
            } else {
                asio::co_spawn(io, reply_of(std::move(result)),
                    [answer, error](std::exception_ptr failure, Reply later) {
                        try {
                            if (failure) std::rethrow_exception(failure);
                            answer->emplace(later.fields());
                        } catch (Error const& refused) {
                            if (error) *error = refused.info();
                        }
                    });
            }
        } catch (Error const& refused) {
            if (error) *error = refused.info();
        }
        return answer;
    }
    std::shared_ptr<std::optional<json::object>> instruct(
        std::string const& id, std::string const& type, std::string* error = nullptr)
    {
        return call("instruct",
            {{"id", id}, {"type", type}, {"ins", {{"app", "apptest"}, {"func", "echo"}, {"param", "hi"}}}},
            error);
    }
    std::string status(std::string const& id)
    {
        auto const answer = call("status", {{"id", json::array{id}}});
        return std::string((*answer)->at("info").at(0).at("status").as_string());
    }
    std::int64_t count(std::string const& where)
    {
        auto row = store.db().run("SELECT count(*) FROM task WHERE " + where);
        return row.next() ? row.number(0) : -1;
    }

    asio::io_context& io;
    ManualClock& clock;
    InlineStore& store;
    Zone zone;
    FakeWorkers workers;
    std::vector<TaskId> results;
    ServerTime server_time{clock}; ///< Known once a test sets it.
    JournalSince journal_since{server_time, std::chrono::hours(24)};
    std::vector<TaskId> told; ///< Runs that a server that is there is told of.
    Journal journal;
    Tasks tasks;
    ServerBounds bounds;
    KeptOutput output;
    Reports reports;
    OwnCron cron;
    InstructService service;
    MethodTable methods;
    std::shared_ptr<Peer> peer; ///< Who calls.
};

/// What survives an agent's crash: the machine and its disk.
struct Machine {
    asio::io_context io{1};
    ManualClock clock;
    InlineStore store{io.get_executor()};
};

} // namespace elves::agent
