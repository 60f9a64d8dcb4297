#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "elves/error.hpp"
#include "elves/peer.hpp"
#include "http/client_presence.hpp"
#include "http/http_message.hpp"

namespace elves::http {

/// Who asks over the HTTP port, for the time of one request. Nobody can call it.
class HttpPeer final : public Peer {
public:
    HttpPeer(Request const& request, Clock::Steady now)
        : client_(request.client ? request.client : std::make_shared<ClientPresence>())
        , ip_(request.from)
        , address_(request.address)
        , heard_(now)
    {
    }

    [[nodiscard]] asio::awaitable<Back> call(std::string_view service, std::string_view method,
        json::object const& fields, std::chrono::milliseconds limit) override;
    void call(std::string_view service, std::string_view method, std::string_view members,
        std::chrono::milliseconds limit, OnBack then) override;
    void cast(std::string_view, std::string_view, json::object const&) override {}
    void close(std::string_view) override { client_->set_gone(); }
    [[nodiscard]] bool is_open() const noexcept override { return !client_->is_gone(); }
    void on_close(std::function<void()> then) override { client_->on_gone(std::move(then)); }
    [[nodiscard]] Clock::Steady last_heard() const noexcept override { return heard_; }
    void keep_when_idle() override {}
    [[nodiscard]] Ip ip() const override { return ip_; }
    [[nodiscard]] std::string const& address() const noexcept override { return address_; }
    [[nodiscard]] BoundKey const& bound_key() const noexcept override { return bound_key_; }
    void bind_key(BoundKey key) override { bound_key_ = std::move(key); }
    [[nodiscard]] std::shared_ptr<Key const> certified() const override { return certified_; }

    /// What a console session that was begun without a key stands for.
    void certify(std::shared_ptr<Key const> key) { certified_ = std::move(key); }

private:
    std::shared_ptr<ClientPresence> client_;
    Ip ip_;
    std::string address_;
    Clock::Steady heard_;
    BoundKey bound_key_;
    std::shared_ptr<Key const> certified_;
};

} // namespace elves::http
