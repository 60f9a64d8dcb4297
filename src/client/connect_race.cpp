#include "client/connect_race.hpp"

#include <utility>

namespace elves {

namespace {

using boost::asio::ip::tcp;

/// RFC 8305, Connection Attempt Delay.
constexpr std::chrono::milliseconds between_attempts{250};

} // namespace

std::vector<tcp::endpoint> ConnectRace::interleaved(std::vector<tcp::endpoint> const& places)
{
    std::deque<tcp::endpoint> preferred;
    std::deque<tcp::endpoint> others;
    for (auto const& place : places) {
        bool const is_first_family = place.protocol() == places.front().protocol();
        (is_first_family ? preferred : others).push_back(place);
    }
    std::vector<tcp::endpoint> all;
    while (!preferred.empty() || !others.empty()) {
        for (auto* const family : {&preferred, &others}) {
            if (family->empty()) continue;
            all.push_back(family->front());
            family->pop_front();
        }
    }
    return all;
}

asio::awaitable<std::optional<ConnectRace::Winner>> ConnectRace::run(
    std::vector<tcp::endpoint> places, std::chrono::milliseconds limit)
{
    places_ = interleaved(places);
    // However this ends, also when the coroutine is destroyed: no attempt is left behind.
    auto const self = shared_from_this();
    struct Stop {
        ConnectRace& race;
        ~Stop() { race.stop(); }
    } const stop{*self};
    start_next();
    co_await over_.wait(clock_, limit);
    if (!winner_) co_return std::nullopt;
    auto& won = attempts_.at(*winner_);
    co_return Winner{std::move(won.socket), won.remote};
}

void ConnectRace::start_next()
{
    auto const number = attempts_.size();
    if (is_stopped_ || winner_ || number == places_.size()) return;
    auto& attempt = attempts_.emplace_back(Attempt{Link::Socket(loop_), places_[number]});
    attempt.socket.async_connect(
        attempt.remote, [self = shared_from_this(), number](boost::system::error_code const& failure) {
            self->on_connected(number, failure);
        });
    // Weak: the clock must not keep what waits for it.
    next_ = clock_.after(between_attempts, [weak = weak_from_this()] {
        if (auto const self = weak.lock()) self->start_next();
    });
}

void ConnectRace::on_connected(std::size_t number, boost::system::error_code const& failure)
{
    if (is_stopped_ || winner_) return;
    attempts_[number].has_ended = true;
    if (!failure) {
        winner_ = number;
        return over_.set(true);
    }
    if (failed_++ == 0) first_failure_ = failure;
    if (failed_ == places_.size()) return over_.set(false);
    // Its successor need not wait any longer.
    if (number + 1 == attempts_.size()) start_next();
}

void ConnectRace::stop()
{
    is_stopped_ = true;
    next_.stop();
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
        boost::system::error_code ignored;
        if (i != winner_) attempts_[i].socket.close(ignored);
    }
}

std::string ConnectRace::fault() const
{
    bool const is_late = failed_ < places_.size();
    auto text = is_late ? std::string("no connection in time") : first_failure_.message();
    if (places_.size() > 1) text += " (" + std::to_string(attempts_.size()) + " addresses tried)";
    return text;
}

} // namespace elves
