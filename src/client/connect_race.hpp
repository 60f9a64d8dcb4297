#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "rpc/link.hpp"

namespace elves {

/// Connects to the first of several addresses that answers, as RFC 8305 ("happy eyeballs") says: IPv6 and
/// IPv4 in turn, the next address 250 ms after the one before, or as soon as that has failed. On the loop's
/// thread.
class ConnectRace : public std::enable_shared_from_this<ConnectRace> {
public:
    struct Winner {
        Link::Socket socket;
        boost::asio::ip::tcp::endpoint remote;
    };

    ConnectRace(LoopExecutor loop, Clock& clock) : loop_(std::move(loop)), clock_(clock) {}

    /// `places`: one at least, the preferred one first. Nothing: none answered within `limit`; see `fault`.
    [[nodiscard]] asio::awaitable<std::optional<Winner>> run(
        std::vector<boost::asio::ip::tcp::endpoint> places, std::chrono::milliseconds limit);
    /// Why none has answered.
    [[nodiscard]] std::string fault() const;

    /// The same addresses, the families in turn, beginning with that of the first.
    [[nodiscard]] static std::vector<boost::asio::ip::tcp::endpoint> interleaved(
        std::vector<boost::asio::ip::tcp::endpoint> const& places);

private:
    struct Attempt {
        Link::Socket socket;
        boost::asio::ip::tcp::endpoint remote;
        bool has_ended = false;
    };

    void start_next();
    void on_connected(std::size_t number, boost::system::error_code const& failure);
    void stop();

    LoopExecutor loop_;
    Clock& clock_;
    std::vector<boost::asio::ip::tcp::endpoint> places_;
    std::deque<Attempt> attempts_; ///< Of the first places. References stay valid.
    OneShot<bool> over_;
    std::optional<std::size_t> winner_;
    boost::system::error_code first_failure_;
    std::size_t failed_ = 0;
    bool is_stopped_ = false;
    Timer next_;
};

} // namespace elves
