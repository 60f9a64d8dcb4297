#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "rpc/link.hpp"
#include "server/local_admins.hpp"
#include "server/server_settings.hpp"
#include "server/socket_file.hpp"

namespace elves {

/// The port: accepts, bounds how many there are and how long they may be quiet, and lets go in order.
/// On the loop's thread.
class Server {
public:
    /// Binds every address of `settings.listen`, and the Unix socket; throws SettingsError that names the one
    /// that can't be had.
    Server(LoopExecutor loop, LinkShared& shared, ServerSettings const& settings);

    void start();
    /// Takes what SIGHUP can change. Connections over the Unix socket end where its group has changed. Throws
    /// SettingsError where that group cannot be given the socket.
    void configure(ServerSettings const& settings);
    /// Accepts no more, waits until every call is answered or the grace is over, calls `no_more`, which may
    /// still answer, closes all, then calls `done`. `others`: whether calls that came over another port wait.
    void stop(std::function<bool()> others, std::function<void()> no_more, std::function<void()> done);

    [[nodiscard]] std::size_t connections() const noexcept { return links_.size(); }
    /// Where it listens, with the real port where 0 was asked for.
    [[nodiscard]] std::vector<HostPort> listening() const;

private:
    using Stream = boost::asio::generic::stream_protocol;
    using Acceptor = boost::asio::basic_socket_acceptor<Stream, LoopExecutor>;
    struct Door {
        Acceptor acceptor;
        std::unique_ptr<SocketFile> file{}; ///< Of the Unix socket; null for TCP.
        Stream::endpoint from{};            ///< Who came through it last.
        Timer pausing{};
    };

    void set_limits(ServerSettings const& settings);
    void refuse_overlap(HostPort const& place, boost::asio::ip::tcp::endpoint const& endpoint) const;
    void bind(HostPort const& place);
    [[nodiscard]] boost::system::error_code bind_one(boost::asio::ip::tcp::endpoint const& endpoint);
    void bind_local(std::string const& path);
    void accept(Door& door);
    void take(Link::Socket socket, Door const& door);
    [[nodiscard]] Remote remote_of(Link::Socket& socket, Door const& door) const;
    void allow_local(std::string const& group);
    void sweep();
    void look_at(Link& link) const;
    void wait_for_answers(Clock::Steady until);
    void close_all();

    LoopExecutor loop_;
    LinkShared& shared_;
    std::size_t max_connections_ = 0;
    std::chrono::seconds idle_timeout_{};
    std::chrono::seconds shutdown_grace_{};
    std::string local_group_;
    LocalAdmins local_admins_;
    std::vector<std::unique_ptr<Door>> doors_;
    std::map<std::uint64_t, std::shared_ptr<Link>> links_; ///< By when they were opened.
    std::uint64_t last_link_ = 0;
    std::uint64_t swept_to_ = 0; ///< The last one that `sweep` has looked at; 0: it begins anew.
    Timer sweeping_;
    std::function<bool()> others_wait_;
    std::function<void()> no_more_, done_;
    Timer stopping_;
};

} // namespace elves
