#pragma once

#include "elves/services/dialer.hpp"
#include "rpc/link.hpp"

namespace elves {

/// Calls out over a connection of its own for each call.
class LinkDialer final : public Dialer {
public:
    explicit LinkDialer(Clock& clock) : shared_{clock} {}
    [[nodiscard]] asio::awaitable<Back> call(std::string host, std::uint16_t port, std::string service,
        std::string method, json::object fields, std::chrono::milliseconds limit) override;

    /// At the end of a program: see LinkSet.
    void drop_links() { shared_.links.drop_all(); }

private:
    LinkShared shared_; ///< Without a router: who is called here has nothing to ask.
};

} // namespace elves
