#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

#include "rpc/link.hpp"
#include "server/server_settings.hpp"

namespace elves {

/// The port: accepts, bounds how many there are and how long they may be quiet, and lets go in order.
/// On the loop's thread.
class Server {
public:
    /// Binds every address of `settings.listen`; throws SettingsError that names the one that can't be had.
    Server(LoopExecutor loop, LinkShared& shared, ServerSettings const& settings);

    void start();
    /// Takes what SIGHUP can change.
    void configure(ServerSettings const& settings);
    /// Accepts no more, waits until every call is answered or the grace is over, calls `no_more`, which may
    /// still answer, closes all, then calls `done`.
    void stop(std::function<void()> no_more, std::function<void()> done);

    [[nodiscard]] std::size_t connections() const noexcept { return links_.size(); }
    /// Where it listens, with the real port where 0 was asked for.
    [[nodiscard]] std::vector<HostPort> listening() const;

private:
    using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, LoopExecutor>;
    struct Door {
        Acceptor acceptor;
        boost::asio::ip::tcp::endpoint from{}; ///< Who came through it last.
        Timer pausing{};
    };

    void bind(HostPort const& place);
    void accept(Door& door);
    void take(Link::Socket socket, boost::asio::ip::tcp::endpoint const& from);
    void sweep();
    void wait_for_answers(Clock::Steady until);
    void close_all();

    LoopExecutor loop_;
    LinkShared& shared_;
    std::size_t max_connections_ = 0;
    std::chrono::seconds idle_timeout_{};
    std::chrono::seconds shutdown_grace_{};
    std::vector<std::unique_ptr<Door>> doors_;
    std::unordered_set<std::shared_ptr<Link>> links_;
    Timer sweeping_;
    std::function<void()> no_more_, done_;
    Timer stopping_;
};

} // namespace elves
