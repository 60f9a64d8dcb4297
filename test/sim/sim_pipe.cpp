#include "sim/sim_pipe.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace elves::sim {

SimPipe::SimPipe(Process& home, std::string other, std::size_t window, Send send)
    : home_(home), other_(std::move(other)), send_(std::move(send)), room_(window)
{
}

void SimPipe::take(std::string const& bytes)
{
    if (is_closed_) return;
    watch(bytes);
    incoming_ += bytes;
    wake_reader();
}

/// What went over the wire, frame by frame, for the trace and the tally.
void SimPipe::watch(std::string const& bytes)
{
    auto& nature = home_.nature;
    nature.trace.digest(bytes);
    watched_.put(bytes);
    while (auto const frame = watched_.next()) {
        ELVES_SIM_TRACE(nature.trace, home_.machine.name << " <- " << other_ << " " << *frame);
        if (frame->find("\"mqf\":\"agentasynclog\"") == frame->npos) continue;
        constexpr std::string_view field = "\"id\":\"";
        auto const id = frame->find(field);
        if (id != frame->npos && frame->find("\"mqt\":\"call\"") != frame->npos)
            nature.tally.see_again(Sight::result_again, std::string(frame->substr(id + field.size(), 20)));
    }
}

void SimPipe::take_end(bool is_reset)
{
    if (is_closed_) return;
    has_ended_ = true;
    is_reset_ = is_reset;
    wake_reader();
    if (is_reset) wake_writer();
}

void SimPipe::take_room(std::size_t size)
{
    room_ += size;
    if (!is_closed_) wake_writer();
}

void SimPipe::wake_reader()
{
    if (!reader_) return;
    asio::post(home_.io, [user = std::exchange(reader_, nullptr)] { user->on_readable({}); });
}

void SimPipe::wake_writer()
{
    if (!writer_) return;
    asio::post(home_.io, [user = std::exchange(writer_, nullptr)] { user->on_writable({}); });
}

std::size_t SimPipe::read(std::span<char> buffer, ByteStream::Failure& failure)
{
    if (is_closed_) return failure = asio::error::bad_descriptor, 0;
    if (is_reset_) return failure = asio::error::connection_reset, 0;
    if (incoming_.empty()) {
        failure = has_ended_ ? ByteStream::Failure(asio::error::eof)
                             : ByteStream::Failure(asio::error::would_block);
        return 0;
    }
    auto const size = std::min(buffer.size(), incoming_.size());
    std::copy_n(incoming_.begin(), size, buffer.begin());
    incoming_.erase(0, size);
    return size;
}

std::size_t SimPipe::write(std::string_view bytes, ByteStream::Failure& failure)
{
    if (is_closed_) return failure = asio::error::bad_descriptor, 0;
    if (is_reset_) return failure = asio::error::broken_pipe, 0;
    auto const size = std::min(bytes.size(), room_);
    if (size == 0) return failure = asio::error::would_block, 0;
    room_ -= size;
    send_(std::string(bytes.substr(0, size)), false);
    return size;
}

void SimPipe::wait_readable(std::shared_ptr<ByteStream::User> user)
{
    reader_ = std::move(user);
    if (!incoming_.empty() || has_ended_) wake_reader();
}

void SimPipe::wait_writable(std::shared_ptr<ByteStream::User> user)
{
    writer_ = std::move(user);
    if (room_ > 0 || is_reset_) wake_writer();
}

void SimPipe::close() noexcept
{
    if (std::exchange(is_closed_, true)) return;
    auto const aborted = ByteStream::Failure(asio::error::operation_aborted);
    if (reader_)
        asio::post(
            home_.io, [user = std::exchange(reader_, nullptr), aborted] { user->on_readable(aborted); });
    if (writer_)
        asio::post(
            home_.io, [user = std::exchange(writer_, nullptr), aborted] { user->on_writable(aborted); });
    send_("", true);
}

void SimPipe::drop()
{
    is_closed_ = true;
    auto const reader = std::exchange(reader_, nullptr);
    auto const writer = std::exchange(writer_, nullptr);
}

} // namespace elves::sim
