#include "processor_outbox.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/one_shot.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;
constexpr std::chrono::milliseconds call_limit = 10s;
constexpr std::size_t most_under_way = 1'000;

std::string result_of(Task const& task)
{
    if (task.report) return task.report->result;
    return std::string(status_text(task.status)) + (task.sync_error.empty() ? "" : ": " + task.sync_error);
}

json::object result_call(Task const& task)
{
    return {{"id", task.id.text()}, {"ins", task.ins.to_json()},
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
    for (auto const& delivery : owed) add(delivery);
}

void ProcessorOutbox::finished(Task const& task)
{
    if (task.ins.mode == Mode::p && task.status != TaskStatus::skipped) add({task.id, clock_.now()});
}

void ProcessorOutbox::add(task_records::Delivery delivery)
{
    if (!known_.insert(delivery.id).second) return;
    queue_.push_back(delivery);
    start_next();
}

void ProcessorOutbox::start_next()
{
    while (!stopped_ && !queue_.empty() && under_way_ < most_under_way) {
        auto const delivery = queue_.front();
        queue_.pop_front();
        ++under_way_;
        asio::co_spawn(loop_, deliver(delivery), [this, delivery](std::exception_ptr const& failure) {
            --under_way_;
            known_.erase(delivery.id);
            if (failure) {
                ELVES_LOG(error, "delivery of task " << delivery.id.text()
                                                     << " broke off; it is taken up again at the next start");
            }
            start_next();
        });
    }
}

asio::awaitable<void> ProcessorOutbox::deliver(task_records::Delivery delivery)
{
    auto pause_now = first_pause;
    while (!stopped_) {
        bool over = false;
        try {
            std::function<std::optional<task_records::Row>(Db&)> look = [id = delivery.id](Db& db) {
                return task_records::find(db, id);
            };
            auto row = co_await store_.read<std::optional<task_records::Row>>(std::move(look));
            if (!row) co_return;
            over = co_await attempt(std::move(row->task), delivery.since);
        } catch (Error const& error) {
            ELVES_LOG(warning, "delivery of task " << delivery.id.text() << ": " << error.info());
        }
        if (over) co_return;
        co_await pause(clock_, pause_now);
        pause_now = std::min(pause_now * 2, longest_pause);
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

} // namespace elves
