#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace elves::bench {

using boost::asio::ip::tcp;

/// What a stream begins with.
struct Piece {
    std::size_t size = 0;    ///< Bytes; 0 while it is not whole.
    bool is_answer = true;   ///< False: something between answers, to be passed over.
    bool is_refusal = false; ///< An answer: too much was asked for.
};

/// One kind of question to one kind of server: the bytes that ask it, and where an answer ends. Shared by all
/// connections.
class Talk {
public:
    virtual ~Talk() = default;
    /// What a new connection has to say and hear first; blocks. `connection` counts them from 0.
    virtual void greet(tcp::socket& socket, std::size_t connection) = 0;
    virtual void ask(std::string& out, std::size_t connection) = 0;
    /// Throws std::runtime_error for an answer that is not the one that is wanted.
    virtual Piece answer(std::string_view bytes) = 0;
};

/// The other end of what is asked for: does the work at once. Shared by all connections.
class Worker {
public:
    virtual ~Worker() = default;
    /// As in Talk.
    virtual void greet(tcp::socket& socket, std::size_t connection) = 0;
    /// Takes the message that `bytes` begin with and appends the answer to `out`; gives its size, 0 while it
    /// is not whole.
    virtual std::size_t take(std::string_view bytes, std::string& out) = 0;
    /// Appends what says that it is still there.
    virtual void beat(std::string& out) { static_cast<void>(out); }
};

/// `dialect` is elves, frames, redis, beanstalk, gearman, nats or amqp; `question` one of its own. Throws
/// std::runtime_error for another.
[[nodiscard]] std::unique_ptr<Talk> make_talk(
    std::string const& dialect, std::string const& question, std::size_t agents);
[[nodiscard]] std::unique_ptr<Worker> make_worker(std::string const& dialect);

} // namespace elves::bench
