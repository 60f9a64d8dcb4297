#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <unordered_map>

#include "elves/clock.hpp"
#include "elves/rate_limit_key.hpp"

namespace elves {

/// Who guesses at keys, and how long the next answer makes him wait. Remembers the addresses (IPv6: the /64
/// networks) that guessed last, up to a bound. No I/O; told the time.
class WrongTries {
public:
    explicit WrongTries(std::size_t most = 4'096) : most_(most) {}

    struct Verdict {
        std::chrono::milliseconds wait; ///< Of the answer.
        bool is_news = true;            ///< Worth a line in the log: not after many.
    };
    /// Notes a wrong try. The first ones of an address hardly wait, then doubling up to two seconds;
    /// forgotten after a minute without one.
    [[nodiscard]] Verdict note(Ip const& address, Clock::Steady now);
    /// Reserves a place among the answers that are delayed. False where its address has 32 there already, or
    /// all addresses together 1,024: each holds some kilobytes of the server's memory.
    [[nodiscard]] bool begin_wait(Ip const& address);
    /// Gives it back.
    void end_wait(Ip const& address);
    [[nodiscard]] std::size_t waiting() const noexcept { return all_waiting_; }
    [[nodiscard]] std::size_t addresses() const noexcept { return by_ip_.size(); }

private:
    struct Guesser {
        Ip ip;
        int tries = 0;
        Clock::Steady last;
    };
    std::size_t most_;
    std::list<Guesser> guessers_; ///< Who guessed last is in front.
    std::unordered_map<Ip, std::list<Guesser>::iterator> by_ip_;
    std::unordered_map<Ip, std::size_t> waiting_; ///< Delayed answers by address, none of zero.
    std::size_t all_waiting_ = 0;
};

} // namespace elves
