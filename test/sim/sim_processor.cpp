#include "sim/sim_processor.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "elves/error.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

SimProcessor::SimProcessor(
    Nature& nature_, Machine& machine_, SimNetwork& network, Machine& server, Invariants& invariants)
    : Process(nature_, machine_), network_(network), server_(server), invariants_(invariants), router_(gate_)
{
    methods_.call<Result>("result", Right::open,
        {required("id", &Result::id), required("worker_flag", &Result::flag),
            required("worker_result", &Result::result)},
        "A result.", [this](Result in, Caller const&) { return take(std::move(in)); });
    router_.add("processor", methods_);
    listening.router = &router_;
    network_.listen(*this, listening);
}

SimProcessor::~SimProcessor()
{
    network_.forget(*this);
    unwind();
}

asio::awaitable<Reply> SimProcessor::take(Result in)
{
    invariants_.delivered(in.id, in.flag.value, in.result);
    nature.tally.see_again(Sight::delivery_again, in.id.text());
    auto& random = nature.random;
    if (random.chance(moods)) {
        bool const refuses = random.chance(500);
        nature.tally.see(refuses ? Sight::processor_refused : Sight::processor_silent);
        if (refuses) throw Error(codes::too_much, "not now");
        co_await pause(clock, 30s);
    }
    invariants_.processor_took(in.id);
    if (random.chance(200)) asio::co_spawn(io, tell(in.id), asio::detached);
    co_return Reply();
}

asio::awaitable<void> SimProcessor::tell(TaskId id)
{
    auto const link = co_await dial(network_, *this, server_, dialing);
    if (!link) co_return;
    json::object fields{
        {"id", id.text()}, {"info", {{"processor_sync_flag", "true"}, {"processor_sync_error", ""},
                                        {"processor_sync_costtime", "5"}}}};
    try {
        auto const back = co_await link->call("tasklog", "appprocessorlog", fields, 10s);
        if (back.flag) nature.tally.see(Sight::processed);
    } catch (Error const&) {
        co_return;
    }
    link->close("said");
}

} // namespace elves::sim
