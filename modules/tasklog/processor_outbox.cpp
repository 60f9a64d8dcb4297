#include "processor_outbox.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;
constexpr std::chrono::milliseconds call_limit = 10s;
constexpr std::size_t most_under_way = 1'000;
constexpr std::size_t most_of_an_app = 32;

std::string result_of(Task const& task)
{
    if (task.report) return task.report->result;
    return std::string(status_text(task.status)) + (task.sync_error.empty() ? "" : ": " + task.sync_error);
}

json::object result_call(Task const& task)
{
    return {{"id", task.id.text()}, {"agentip", task.agent.text()}, {"ins", task.ins.to_json()},
        {"worker_flag", task.report ? task.report->flag : -1}, {"worker_result", result_of(task)},
        {"worker_costtime", task.report ? task.report->costtime.count() : 0}};
}

} // namespace

ProcessorOutbox::ProcessorOutbox(
    LoopExecutor loop, Store& store, Clock& clock, AppDirectory const& apps, Dialer& dialer)
    : loop_(std::move(loop)), store_(store), clock_(clock), apps_(apps), dialer_(dialer)
{
}

void ProcessorOutbox::load()
{
    std::vector<task_records::Delivery> owed;
    store_.at_start([&](Db& db) { owed = task_records::deliveries(db); });
    for (auto& delivery : owed) add(std::move(delivery));
}

void ProcessorOutbox::finished(Task const& task)
{
    if (task.ins.mode == Mode::p && task.status != TaskStatus::skipped)
        add({task.id, clock_.now(), task.ins.app});
}

void ProcessorOutbox::add(task_records::Delivery delivery)
{
    if (!owed_.try_emplace(delivery.id).second) return;
    since_.insert(delivery.since);
    try_soon({std::move(delivery), first_pause});
}

void ProcessorOutbox::try_soon(Owed owed)
{
    auto const name = owed.delivery.app;
    with_due_[name].due.push_back(std::move(owed));
    take_turn(name);
    start_next();
}

void ProcessorOutbox::take_turn(std::string const& name)
{
    auto& app = with_due_.at(name);
    if (app.has_turn || app.due.empty() || app.under_way >= most_of_an_app) return;
    app.has_turn = true;
    turns_.push_back(name);
}

void ProcessorOutbox::start_next()
{
    while (!stopped_ && !turns_.empty() && under_way_ < most_under_way) {
        auto const name = std::move(turns_.front());
        turns_.pop_front();
        auto& app = with_due_.at(name);
        app.has_turn = false;
        auto owed = std::move(app.due.front());
        app.due.pop_front();
        ++app.under_way;
        ++under_way_;
        take_turn(name);
        start(std::move(owed));
    }
}

void ProcessorOutbox::start(Owed owed)
{
    auto work = deliver(owed.delivery);
    asio::co_spawn(loop_, std::move(work),
        [this, owed = std::move(owed)](std::exception_ptr const& failure, bool over) mutable {
            if (failure) {
                ELVES_LOG(error, "delivery of task " << owed.delivery.id.text()
                                                     << " broke off; it is taken up again at the next start");
            }
            tried(std::move(owed), failure || over);
        });
}

void ProcessorOutbox::tried(Owed owed, bool over)
{
    auto const name = owed.delivery.app;
    auto const id = owed.delivery.id;
    auto const app = with_due_.find(name);
    --under_way_;
    --app->second.under_way;
    if (app->second.due.empty() && app->second.under_way == 0) {
        with_due_.erase(app);
    } else {
        take_turn(name);
    }
    if (over) {
        owed_.erase(id);
        since_.erase(since_.find(owed.delivery.since));
    } else if (!stopped_) {
        auto const wait = std::exchange(owed.pause, std::min(owed.pause * 2, longest_pause));
        owed_[id] = clock_.after(wait, [this, owed = std::move(owed)] { try_soon(owed); });
    }
    start_next();
}

asio::awaitable<bool> ProcessorOutbox::deliver(task_records::Delivery delivery)
{
    try {
        std::function<std::optional<task_records::Row>(Db&)> look = [id = delivery.id](Db& db) {
            return task_records::find(db, id);
        };
        auto row = co_await store_.read<std::optional<task_records::Row>>(std::move(look));
        if (!row) co_return true;
        co_return co_await attempt(std::move(row->task), delivery.since);
    } catch (Error const& error) {
        ELVES_LOG(warning, "delivery of task " << delivery.id.text() << ": " << error.info());
        co_return false;
    }
}

asio::awaitable<bool> ProcessorOutbox::attempt(Task task, Instant since)
{
    auto const id = task.id;
    auto const app = task.ins.app;
    auto log = co_await call_processor(std::move(task));
    bool const confirmed = log.sync_flag == "true";
    bool const given_up = !confirmed && clock_.now() - since >= give_up_;
    if (!confirmed)
        ELVES_LOG(debug, "task " << id.text() << " not delivered to " << app << ": " << log.sync_error);
    if (given_up) {
        ELVES_LOG(warning, "gave up delivering task " << id.text() << " to the processor of " << app << ": "
                                                      << log.sync_error);
    }
    bool const over = confirmed || given_up;
    Store::Work work = [id, log, over](Db& db) {
        task_records::put_delivered(db, id, log);
        if (over) task_records::drop_delivery(db, id);
    };
    co_await store_.write(std::move(work));
    ++(confirmed ? tries_.confirmed : given_up ? tries_.given_up : tries_.retried);
    co_return over;
}

asio::awaitable<task_records::ModuleLog> ProcessorOutbox::call_processor(Task task)
{
    task_records::ModuleLog log;
    log.sync_flag = "false";
    log.last_try = clock_.now();
    auto const begun = clock_.steady();
    try {
        auto const place = apps_.callback(task.ins.app);
        if (!place) throw Error(codes::no_app, "app " + task.ins.app + " has no callback address");
        auto fields = result_call(task);
        auto const back = co_await dialer_.call(
            place->host, place->port, "processor", "result", std::move(fields), call_limit);
        if (back.flag) log.sync_flag = "true";
        log.sync_error = back.flag                 ? ""
                         : back.error_info.empty() ? "the processor said false"
                                                   : back.error_info;
    } catch (Error const& error) {
        log.sync_error = error.info();
    }
    log.sync_costtime =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun).count();
    co_return log;
}

void ProcessorOutbox::write_metrics(MetricWriter& to) const
{
    to.gauge("deliveries_open", "Results of mode P that no processor has confirmed yet.",
        static_cast<double>(owed_.size()));
    auto const oldest = since_.empty() ? std::chrono::milliseconds(0) : clock_.now() - *since_.begin();
    to.gauge("delivery_oldest_seconds", "For how long the oldest of them has been there.",
        std::max(std::chrono::duration<double>(oldest).count(), 0.0));
    auto const help = "Tries to deliver a result to a processor.";
    to.counter("deliveries_total", help, static_cast<double>(tries_.confirmed), {{"outcome", "confirmed"}});
    to.counter("deliveries_total", help, static_cast<double>(tries_.retried), {{"outcome", "retried"}});
    to.counter("deliveries_total", help, static_cast<double>(tries_.given_up), {{"outcome", "given_up"}});
}

} // namespace elves
