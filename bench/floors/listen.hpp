#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>
#include <utility>

namespace elves::bench {

using boost::asio::ip::tcp;

/// Accepts on a free port of loopback.
class Listener {
public:
    Listener(boost::asio::io_context& io, std::function<void(tcp::socket)> take)
        : acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}), take_(std::move(take))
    {
        acceptor_.listen(4096);
        accept();
    }
    [[nodiscard]] std::string address() const
    {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

private:
    void accept()
    {
        acceptor_.async_accept([this](boost::system::error_code const& failure, tcp::socket socket) {
            if (!failure) take_(std::move(socket));
            accept();
        });
    }

    tcp::acceptor acceptor_;
    std::function<void(tcp::socket)> take_;
};

} // namespace elves::bench
