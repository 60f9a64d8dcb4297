#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace elves::bench {

using boost::asio::ip::tcp;

/// One connection: hands over what comes, writes what was put. Its pending I/O keeps it alive.
class Wire : public std::enable_shared_from_this<Wire> {
public:
    /// Gives how many of `bytes` were used; the others come again with what follows them.
    using OnBytes = std::function<std::size_t(std::string_view bytes)>;

    /// `buffer` bytes are read at a time, and kept.
    explicit Wire(tcp::socket socket, std::size_t buffer = 16 * 1024);
    /// Begins to read. `ended` is called when the other side closes or the connection breaks.
    void start(OnBytes on_bytes, std::function<void()> ended);

    /// What is appended here leaves with the next flush.
    [[nodiscard]] std::string& out() noexcept { return out_; }
    void flush();
    /// Once, when the handlers that are ready now have run.
    void flush_soon();
    void close();

private:
    void read();
    void take(std::size_t size);
    void write_rest(std::size_t written);

    tcp::socket socket_;
    std::vector<char> buffer_;
    std::size_t held_ = 0;
    std::string out_;
    std::string sending_;
    bool writing_ = false;
    bool flush_posted_ = false;
    OnBytes on_bytes_;
    std::function<void()> ended_;
};

} // namespace elves::bench
