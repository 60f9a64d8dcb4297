#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/frame_reader.hpp"
#include "elves/one_shot.hpp"
#include "elves/peer.hpp"
#include "rpc/back.hpp"
#include "rpc/router.hpp"
#include "sim/process.hpp"

namespace elves::sim {

/// One end of a connection: what src/rpc's Link is to a socket, this is to a wire of the SimNetwork. Frames
/// are whole JSON texts, and calls go through the Router.
class SimLink final : public Peer, public std::enable_shared_from_this<SimLink> {
public:
    /// Where bytes go; `fin`: they were the last.
    using Send = std::function<void(std::string bytes, bool fin)>;

    /// `router` null: there is nothing to call here.
    SimLink(Process& home, Router const* router, Machine const& other, int port, Send send);

    [[nodiscard]] asio::awaitable<Back> call(std::string_view service, std::string_view method,
        json::object const& fields, std::chrono::milliseconds limit) override;
    void cast(std::string_view service, std::string_view method, json::object const& fields) override;
    void close(std::string_view why) override;
    [[nodiscard]] bool is_open() const noexcept override { return state_ == State::open; }
    void on_close(std::function<void()> then) override;
    [[nodiscard]] Clock::Steady last_heard() const noexcept override { return last_heard_; }
    void keep_when_idle() override {}
    [[nodiscard]] Ip ip() const override { return ip_; }
    [[nodiscard]] std::string const& address() const noexcept override { return address_; }
    [[nodiscard]] BoundKey const& bound_key() const noexcept override { return bound_key_; }
    void bind_key(BoundKey key) override { bound_key_ = std::move(key); }

    /// Calls of the other side that wait for their answer.
    [[nodiscard]] std::size_t inflight() const noexcept { return inflight_; }
    [[nodiscard]] Process& home() const noexcept { return home_; }

    // The network's, each on the home's loop.
    void take(std::string const& bytes);
    void take_end();
    /// Its process is gone: whoever waits is dropped.
    void drop();

private:
    enum class State { open, ending, closed };
    using Ending = std::optional<Back>; ///< Nothing: the connection closed.

    [[nodiscard]] asio::awaitable<Back> back_of(std::int64_t mqid, std::chrono::milliseconds limit);
    void take_frame(std::string_view text);
    void take_back(JsonValue const& back);
    void answer(ReplyTo const& to, Outcome const& outcome);
    void written();
    void end(std::string_view why);
    void shut();

    Process& home_;
    Router const* router_;
    Send send_;
    FrameReader reader_{4 * 1024 * 1024};
    std::string outbox_;
    bool drain_posted_ = false;
    State state_ = State::open;
    std::size_t inflight_ = 0;
    std::int64_t last_mqid_ = 0;
    std::map<std::int64_t, OneShot<Ending>> pending_;
    std::vector<std::function<void()>> on_close_;
    Clock::Steady last_heard_;
    Ip ip_;
    std::string address_;
    BoundKey bound_key_;
};

} // namespace elves::sim
