#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/frame_reader.hpp"
#include "rpc/byte_stream.hpp"
#include "sim/process.hpp"

namespace elves::sim {

/// One end of a wire of the SimNetwork, as an operating system keeps it for a program: what has come and was
/// not read, how much was written and has not arrived, and who waits.
class SimPipe : public std::enable_shared_from_this<SimPipe> {
public:
    /// Where bytes go; `fin`: they were the last.
    using Send = std::function<void(std::string bytes, bool fin)>;

    /// `window`: bytes that may be on their way to the other end.
    SimPipe(Process& home, std::string other, std::size_t window, Send send);

    // The network's.
    void take(std::string const& bytes);
    /// Nothing more comes. `is_reset`: the connection is gone, and not only the other side's half.
    void take_end(bool is_reset);
    /// So many bytes have arrived at the other end.
    void take_room(std::size_t size);
    /// Its process is gone: nobody is told of anything any more.
    void drop();
    [[nodiscard]] Process& home() const noexcept { return home_; }

    // The program's.
    [[nodiscard]] std::size_t read(std::span<char> buffer, ByteStream::Failure& failure);
    [[nodiscard]] std::size_t write(std::string_view bytes, ByteStream::Failure& failure);
    void wait_readable(std::shared_ptr<ByteStream::User> user);
    void wait_writable(std::shared_ptr<ByteStream::User> user);
    void close() noexcept;

private:
    using Waiter = std::shared_ptr<ByteStream::User>;

    void watch(std::string const& bytes);
    void wake_reader();
    void wake_writer();

    Process& home_;
    std::string other_; ///< For the trace.
    Send send_;
    std::string incoming_;
    std::size_t room_;
    Waiter reader_;
    Waiter writer_;
    bool has_ended_ = false;
    bool is_reset_ = false;
    bool is_closed_ = false;
    FrameReader watched_{64 * 1024 * 1024};
};

/// The stream that a connection of the product has in the simulation.
class SimStream final : public ByteStream {
public:
    explicit SimStream(std::shared_ptr<SimPipe> pipe) : pipe_(std::move(pipe)) {}
    ~SimStream() override { pipe_->close(); }
    SimStream(SimStream const&) = delete;
    SimStream& operator=(SimStream const&) = delete;

    void wait_readable(std::shared_ptr<User> user) override { pipe_->wait_readable(std::move(user)); }
    void wait_writable(std::shared_ptr<User> user) override { pipe_->wait_writable(std::move(user)); }
    [[nodiscard]] std::size_t read_some(std::span<char> buffer, Failure& failure) override
    {
        return pipe_->read(buffer, failure);
    }
    [[nodiscard]] std::size_t write_some(std::string_view bytes, Failure& failure) override
    {
        return pipe_->write(bytes, failure);
    }
    void close() noexcept override { pipe_->close(); }

private:
    std::shared_ptr<SimPipe> pipe_;
};

} // namespace elves::sim
