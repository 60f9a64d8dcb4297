#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "elves/clock.hpp"
#include "elves/error.hpp"
#include "elves/one_shot.hpp"
#include "elves/peer.hpp"

namespace elves {

/// A connection without a network: keeps what is sent to it, answers what the test says, closes when told.
class FakePeer final : public Peer {
public:
    /// A call or a cast that was sent to it.
    struct Sent {
        std::string service;
        std::string method;
        json::object fields;
    };

    FakePeer(LoopExecutor loop, Clock& clock, std::string const& ip = "127.0.0.1", int port = 50'000)
        : loop_(std::move(loop))
        , clock_(clock)
        , ip_(Ip::parse(ip).value())
        , address_(ip + ":" + std::to_string(port))
        , last_heard_(clock.steady())
    {
    }

    /// Answers at once with what `answer` says, or waits for `reply`, the limit, or the end.
    [[nodiscard]] asio::awaitable<Back> call(std::string_view service, std::string_view method,
        json::object const& fields, std::chrono::milliseconds limit) override
    {
        calls.emplace_back(sent(service, method, fields));
        if (!open_) throw Error(codes::agent_unreachable, "the connection is closed");
        return back_of(calls.back(), limit);
    }
    void call(std::string_view service, std::string_view method, std::string_view members,
        std::chrono::milliseconds limit, OnBack then) override
    {
        auto const fields = json::parse("{" + std::string(members) + "}").as_object();
        calls.emplace_back(sent(service, method, fields));
        asio::co_spawn(loop_, back_to_be(calls.back(), limit), std::move(then));
    }
    void cast(std::string_view service, std::string_view method, json::object const& fields) override
    {
        if (open_) casts.emplace_back(sent(service, method, fields));
    }

    void close(std::string_view why) override
    {
        if (!open_) return;
        open_ = false;
        closed_why = why;
        for (auto const& waiting : std::exchange(waiting_, {})) waiting->ending.set(std::nullopt);
        for (auto& then : std::exchange(on_close_, {})) asio::post(loop_, std::move(then));
    }
    [[nodiscard]] bool is_open() const noexcept override { return open_; }
    void on_close(std::function<void()> then) override
    {
        if (open_) {
            on_close_.push_back(std::move(then));
        } else {
            asio::post(loop_, std::move(then));
        }
    }

    [[nodiscard]] Clock::Steady last_heard() const noexcept override { return last_heard_; }
    void keep_when_idle() override { kept_when_idle = true; }
    [[nodiscard]] Ip ip() const override { return ip_; }
    [[nodiscard]] std::string const& address() const noexcept override { return address_; }
    [[nodiscard]] BoundKey const& bound_key() const noexcept override { return bound_key_; }
    void bind_key(BoundKey key) override { bound_key_ = std::move(key); }

    /// Bytes came from it just now.
    void speak() { last_heard_ = clock_.steady(); }
    /// Answers the oldest call that waits. False where none does.
    bool reply(Back back)
    {
        while (!waiting_.empty()) {
            auto const oldest = std::move(waiting_.front());
            waiting_.pop_front();
            if (oldest->over) continue;
            oldest->ending.set(std::move(back));
            return true;
        }
        return false;
    }

    std::vector<Sent> calls;
    std::vector<Sent> casts;
    std::function<Back(Sent const&)> answer; ///< May throw an Error, as a call does.
    std::string closed_why;
    bool kept_when_idle = false;

private:
    struct Waiting {
        OneShot<std::optional<Back>> ending; ///< Nothing: the connection closed.
        bool over = false;
    };

    /// A copy off the caller's memory, which is gone when the call returns.
    [[nodiscard]] static Sent sent(
        std::string_view service, std::string_view method, json::object const& fields)
    {
        return {std::string(service), std::string(method), json::object(fields, json::storage_ptr())};
    }
    [[nodiscard]] asio::awaitable<Back> back_to_be(Sent sent, std::chrono::milliseconds limit)
    {
        if (!open_) throw Error(codes::agent_unreachable, "the connection is closed");
        co_return co_await back_of(std::move(sent), limit);
    }
    [[nodiscard]] asio::awaitable<Back> back_of(Sent sent, std::chrono::milliseconds limit)
    {
        if (answer) co_return answer(sent);
        auto const waiting = std::make_shared<Waiting>();
        waiting_.push_back(waiting);
        auto const ending = co_await waiting->ending.wait(clock_, limit);
        waiting->over = true;
        if (!ending) throw Error(codes::agent_silent, "no answer in time");
        if (!*ending) throw Error(codes::agent_unreachable, "the connection closed");
        co_return **ending;
    }

    LoopExecutor loop_;
    Clock& clock_;
    Ip ip_;
    std::string address_;
    Clock::Steady last_heard_;
    BoundKey bound_key_;
    std::deque<std::shared_ptr<Waiting>> waiting_;
    std::vector<std::function<void()>> on_close_;
    bool open_ = true;
};

} // namespace elves
