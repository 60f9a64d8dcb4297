#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/agent_settings.hpp"
#include "agent/backoff.hpp"
#include "agent/enrolment.hpp"
#include "agent/link_environment.hpp"
#include "agent/server_time.hpp"
#include "elves/asio.hpp"
#include "rpc/link.hpp"

namespace elves::agent {

/// The agent's one connection to its server: dials the servers in turn, registers, beats, and begins again
/// when it is lost, for ever. On the loop's thread; outlives `run`.
class ServerLink {
public:
    struct Listener {
        std::function<void(std::shared_ptr<Peer>, Ip)> up; ///< Registered, as that address.
        /// The registered link has ended; the server was last heard so long ago.
        std::function<void(std::chrono::milliseconds)> down;
        std::function<void(JsonValue const&)> learned; ///< What each reply to `register` says.
        /// The server still answers. Those that follow may be empty.
        std::function<void()> heard{};
        /// A server that this agent trusts has refused its key, or to register it.
        std::function<void(std::string)> refused{};
    };

    /// `zone` and `server_time` are set to the server's, as soon as they are known. All of them outlive the
    /// link.
    ServerLink(AgentSettings const& settings, LinkShared& shared, Zone& zone, ServerTime& server_time,
        Listener listener);
    /// On another machine than this.
    ServerLink(AgentSettings const& settings, LinkShared& shared, Zone& zone, ServerTime& server_time,
        Listener listener, std::unique_ptr<LinkEnvironment> environment);

    /// Never returns.
    [[nodiscard]] asio::awaitable<void> run();
    void stop();
    /// Tells the server, and every server that this agent registers with from now on, that it is draining.
    void say_draining();
    /// The server is dialed by TLS: the settings say so, or what is known of it from joining.
    [[nodiscard]] bool uses_tls();

private:
    [[nodiscard]] asio::awaitable<void> serve(HostPort place);
    [[nodiscard]] Ip own_ip() const;
    /// Chooses the TLS context for the next dial: by the settings, and by what is known of the server from
    /// joining.
    void choose_tls();
    [[nodiscard]] std::string whose_pin() const;
    [[nodiscard]] asio::awaitable<bool> enter(Ip ip);
    void note_refusal(std::string const& why);
    [[nodiscard]] asio::awaitable<bool> login();
    [[nodiscard]] asio::awaitable<Back> register_here(Ip ip);
    [[nodiscard]] asio::awaitable<void> beat_until_lost();
    void cast_draining();
    void learn(JsonValue const& reply, Clock::Steady asked);

    AgentSettings const& settings_;
    LinkShared& shared_;
    Zone& zone_;
    ServerTime& server_time_;
    Listener listener_;
    std::unique_ptr<LinkEnvironment> environment_;
    Enrolment enrolment_;
    std::optional<Credentials> key_; ///< That this link is proven by.
    Instant started_;
    std::shared_ptr<Link> link_; ///< The one there is, registered or about to be.
    std::chrono::milliseconds interval_;
    Backoff backoff_;
    Enrolment::ServerPin pin_; ///< That the server is dialed by, beside the settings; mostly none.
    bool is_in_ = false;       ///< It has registered in this round of the servers.
    bool is_draining_ = false;
    bool stopping_ = false;
};

} // namespace elves::agent
