#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cron/cron.hpp"
#include "manual_clock.hpp"
#include "support/fake_authority.hpp"
#include "support/fake_presence.hpp"
#include "support/fake_quotas.hpp"
#include "support/fake_task_engine.hpp"
#include "support/inline_store.hpp"
#include "support/json_of.hpp"

namespace elves {

/// A connection that confirms what it is called with, or refuses, and remembers it.
class ListeningPeer final : public Peer {
public:
    [[nodiscard]] asio::awaitable<Back> call(std::string_view service, std::string_view method,
        json::object const& fields, std::chrono::milliseconds) override
    {
        calls.emplace_back(
            std::string(service) + "." + std::string(method), json::object(fields, json::storage_ptr()));
        return answer(confirms, reply);
    }
    void call(
        std::string_view, std::string_view, std::string_view, std::chrono::milliseconds, OnBack then) override
    {
        std::move(then)(nullptr, Back());
    }
    void cast(std::string_view, std::string_view, json::object const&) override {}
    void close(std::string_view) override {}
    [[nodiscard]] bool is_open() const noexcept override { return true; }
    void on_close(std::function<void()>) override {}
    [[nodiscard]] Clock::Steady last_heard() const noexcept override { return {}; }
    void keep_when_idle() override {}
    [[nodiscard]] Ip ip() const override { return {}; }
    [[nodiscard]] std::string const& address() const noexcept override { return text_; }
    [[nodiscard]] BoundKey const& bound_key() const noexcept override { return nobody_; }
    void bind_key(BoundKey) override {}

    std::vector<std::pair<std::string, json::object>> calls;
    bool confirms = true;
    json::object reply; ///< The fields of its answers.

private:
    [[nodiscard]] static asio::awaitable<Back> answer(bool flag, json::object reply)
    {
        Back back;
        back.flag = flag;
        if (!reply.empty()) back.fields = json_of(reply);
        co_return back;
    }

    std::string text_;
    BoundKey nobody_;
};

/// A Cron with all that it needs, its loop run by hand. Time begins on 2026-01-01 at 00:00:00 UTC.
class CronHouse {
public:
    CronHouse() { CronJobs::migrate(store); }

    /// Makes the module, as a server does when it starts; again, and the one before has been gone.
    void start(std::string_view zone = "UTC", CronJobs::Bounds bounds = {})
    {
        stop();
        jobs = std::make_unique<CronJobs>(store, bounds, &quotas);
        cron = std::make_unique<Cron>(
            *jobs, presence, engine, clock, *Zone::named(zone), loop.get_executor(), &quotas);
        cron->set_authority(&authority);
        table = std::make_unique<MethodTable>();
        cron->declare(*table);
        cron->start();
        settle();
    }
    /// The end of a server, by a crash or not.
    void stop()
    {
        if (!cron) return;
        cron->stop();
        settle();
        table.reset();
        cron.reset();
        jobs.reset();
        presence.forget_listeners();
        engine.forget_listeners();
    }
    void settle()
    {
        loop.restart();
        loop.poll();
        clock.advance(std::chrono::milliseconds(0)); // What is due already.
        loop.restart();
        loop.poll();
    }
    /// Second by second.
    void pass(std::chrono::seconds time)
    {
        settle();
        for (; time.count() > 0; --time) {
            clock.advance(std::chrono::seconds(1));
            settle();
        }
    }

    /// A call as the router makes it. Throws what it throws.
    json::object call(std::string_view method, json::object const& fields, Caller const& caller = {})
    {
        auto answer = table->find(method)->run(json_of(fields).root(), caller);
        if (auto* reply = std::get_if<Reply>(&answer)) return reply->fields();
        std::optional<Reply> reply;
        std::exception_ptr failure;
        asio::co_spawn(loop, reply_of(std::move(answer)), [&](std::exception_ptr error, Reply value) {
            failure = error;
            reply = std::move(value);
        });
        settle();
        if (failure) std::rethrow_exception(failure);
        return reply.value().fields();
    }
    /// A call whose answer nobody looks at, and the loop has not turned yet.
    void begin(std::string_view method, json::object const& fields)
    {
        auto answer = table->find(method)->run(json_of(fields).root(), {});
        auto work = reply_of(std::move(answer));
        asio::co_spawn(loop, std::move(work), [](std::exception_ptr, Reply const&) {});
    }
    /// The code that a call is refused with, "" where it isn't.
    std::string refusal(std::string_view method, json::object const& fields, Caller const& caller = {})
    {
        try {
            call(method, fields, caller);
            return "";
        } catch (Error const& error) {
            return std::string(error.code().text);
        }
    }
    /// Sets a job of 10.0.0.1 that runs `app.func`; `more` adds fields or takes their place. Its id.
    std::string set(std::string_view rule, json::object more = {})
    {
        auto const reply = call("setcronbyip", job(rule, std::move(more)));
        return std::string(reply.at("id").as_string());
    }
    static json::object job(std::string_view rule, json::object more = {})
    {
        json::object fields{
            {"agentip", "10.0.0.1"}, {"rule", rule}, {"ins", {{"app", "app"}, {"func", "func"}}}};
        for (auto& field : more) fields[field.key()] = std::move(field.value());
        return fields;
    }
    /// An agent comes, and has reported what it had to. Its link.
    std::shared_ptr<ListeningPeer> come(std::string_view agent = "10.0.0.1")
    {
        auto link = std::make_shared<ListeningPeer>();
        presence.come(Ip::parse(agent).value(), link);
        settle();
        return link;
    }
    /// The first entry of its list.
    json::object entry()
    {
        return call("getcronlistbyip", {{"agentip", "10.0.0.1"}}).at("cron_list").at(0).as_object();
    }
    /// The tasks so far, each as its fire time of day (UTC) and its status.
    [[nodiscard]] std::vector<std::string> history() const
    {
        std::vector<std::string> lines;
        for (auto const& task : engine.tasks()) {
            lines.push_back(
                Zone().text(*task.fire_time).substr(11) + " " + std::string(status_text(task.status)));
        }
        return lines;
    }
    void finish_last() { engine.finish(engine.tasks().back().id, TaskStatus::done); }

    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    FakePresence presence;
    FakeAuthority authority;
    FakeQuotas quotas;
    FakeTaskEngine engine{store, clock};
    std::unique_ptr<CronJobs> jobs;
    std::unique_ptr<Cron> cron;
    std::unique_ptr<MethodTable> table;
};

} // namespace elves
