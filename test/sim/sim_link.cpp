#include "sim/sim_link.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "core/json_reader.hpp"
#include "elves/error.hpp"

namespace elves::sim {

static constexpr std::size_t max_frame = std::size_t{4} * 1024 * 1024;

SimLink::SimLink(Process& home, Router const* router, Machine const& other, int port, Send send)
    : home_(home)
    , router_(router)
    , send_(std::move(send))
    , last_heard_(home.clock.steady())
    , ip_(other.ip)
    , address_(other.ip.text() + ":" + std::to_string(port))
{
}

asio::awaitable<Back> SimLink::call(std::string_view service, std::string_view method,
    json::object const& fields, std::chrono::milliseconds limit)
{
    if (state_ != State::open) throw Error(codes::agent_unreachable, "the connection is closed");
    auto const mqid = ++last_mqid_;
    append_request(outbox_, service, method, mqid, fields);
    written();
    return back_of(mqid, limit);
}

asio::awaitable<Back> SimLink::back_of(std::int64_t mqid, std::chrono::milliseconds limit)
{
    auto const self = shared_from_this();
    auto ending = pending_[mqid];
    auto back = co_await ending.wait(home_.clock, limit);
    pending_.erase(mqid);
    if (!back) throw Error(codes::agent_silent, "no answer within " + std::to_string(limit.count()) + " ms");
    if (!*back) throw Error(codes::agent_unreachable, "the connection was lost");
    co_return std::move(**back);
}

void SimLink::cast(std::string_view service, std::string_view method, json::object const& fields)
{
    if (state_ != State::open) return;
    append_request(outbox_, service, method, 0, fields);
    written();
}

/// Once a turn, as the real one: a process that ends in between has sent nothing.
void SimLink::written()
{
    if (state_ == State::closed || std::exchange(drain_posted_, true)) return;
    asio::post(home_.io, [self = shared_from_this()] {
        self->drain_posted_ = false;
        if (self->state_ == State::closed) return;
        bool const last = self->state_ == State::ending && self->inflight_ == 0;
        if (last || !self->outbox_.empty()) self->send_(std::exchange(self->outbox_, {}), last);
        if (last) self->shut();
    });
}

void SimLink::take(std::string const& bytes)
{
    if (state_ != State::open) return;
    last_heard_ = home_.clock.steady();
    reader_.put(bytes);
    while (auto const text = reader_.next()) {
        take_frame(*text);
        if (state_ != State::open) return;
    }
}

void SimLink::take_frame(std::string_view text)
{
    ELVES_SIM_TRACE(home_.nature.trace, home_.machine.name << " <- " << address_ << " " << text);
    home_.nature.trace.digest(text);
    JsonReader reader;
    auto const& frame = reader.read(text);
    auto const envelope = Envelope::of(frame);
    if (envelope.mqt == Mqt::back) return take_back(frame);
    if (envelope.mqf == "agentasynclog")
        home_.nature.tally.see_again(Sight::result_again, json_text(*frame.find("id")));
    bool const answered = envelope.mqt == Mqt::call;
    if (!router_) return;
    auto result = router_->run(envelope, frame, shared_from_this());
    if (auto const* const outcome = std::get_if<Outcome>(&result)) {
        if (answered) answer(ReplyTo::of(envelope), *outcome);
        return;
    }
    ++inflight_;
    asio::co_spawn(home_.io, std::get<asio::awaitable<Outcome>>(std::move(result)),
        [self = shared_from_this(), answered, to = ReplyTo::of(envelope)](
            std::exception_ptr const&, Outcome const& outcome) {
            --self->inflight_;
            if (answered) self->answer(to, outcome);
            if (self->state_ == State::ending) self->written();
        });
}

void SimLink::answer(ReplyTo const& to, Outcome const& outcome)
{
    if (state_ == State::closed) return;
    append_back(outbox_, to, outcome, max_frame);
    written();
}

void SimLink::take_back(JsonValue const& back)
{
    auto const found = pending_.find(back.find("mqid")->int64());
    if (found == pending_.end()) return;
    Back result;
    result.fields = JsonDocument(back);
    result.flag = back.find("flag")->string() == "true";
    result.error_info = back.find("error_info")->string();
    found->second.set(std::move(result));
}

void SimLink::on_close(std::function<void()> then)
{
    if (state_ == State::open) {
        on_close_.push_back(std::move(then));
    } else {
        asio::post(home_.io, std::move(then));
    }
}

void SimLink::close(std::string_view why)
{
    end(why);
    written();
}

void SimLink::take_end()
{
    end("the other side closed it");
    written();
}

void SimLink::end(std::string_view why)
{
    if (state_ != State::open) return;
    ELVES_SIM_TRACE(home_.nature.trace, home_.machine.name << ": link to " << address_ << " ends: " << why);
    state_ = State::ending;
    for (auto& [mqid, ending] : pending_) ending.set(std::nullopt);
    for (auto& then : std::exchange(on_close_, {})) asio::post(home_.io, std::move(then));
}

void SimLink::shut()
{
    state_ = State::closed;
    outbox_.clear();
}

void SimLink::drop()
{
    state_ = State::closed;
    on_close_.clear();
}

} // namespace elves::sim
