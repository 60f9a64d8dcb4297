#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "load/talk.hpp"
#include "load/wire.hpp"

namespace elves::bench {

/// Workers on connections of their own. Belongs to the loop's thread.
class Crew {
public:
    /// Connects and greets all, one after the other. Each takes `buffer` bytes. Past 20,000 of them the next
    /// source address of 127.0.0.0/8 is used: ports run out.
    Crew(boost::asio::io_context& io, Worker& worker, tcp::endpoint const& server, std::size_t size,
        std::size_t buffer = 16 * 1024);
    Crew(Crew const&) = delete;
    Crew& operator=(Crew const&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return wires_.size(); }
    /// The worker with that number says that it is still there.
    void beat(std::size_t number);

private:
    void hire(boost::asio::io_context& io, tcp::endpoint const& server, std::size_t buffer);

    Worker& worker_;
    std::vector<std::shared_ptr<Wire>> wires_;
};

} // namespace elves::bench
