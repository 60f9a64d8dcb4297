#include "load/wire.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace elves::bench {

namespace asio = boost::asio;
using boost::system::error_code;

Wire::Wire(tcp::socket socket, std::size_t buffer) : socket_(std::move(socket)), buffer_(buffer)
{
    socket_.non_blocking(true);
    socket_.set_option(tcp::no_delay(true));
}

void Wire::start(OnBytes on_bytes, std::function<void()> ended)
{
    on_bytes_ = std::move(on_bytes);
    ended_ = std::move(ended);
    read();
}

void Wire::read()
{
    if (held_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    socket_.async_read_some(asio::buffer(buffer_.data() + held_, buffer_.size() - held_),
        [self = shared_from_this()](error_code const& failure, std::size_t size) {
            if (failure) {
                auto const ended = std::move(self->ended_); // it may hold this
                if (failure != asio::error::operation_aborted) ended();
                return;
            }
            self->take(size);
        });
}

void Wire::take(std::size_t size)
{
    held_ += size;
    auto const used = on_bytes_({buffer_.data(), held_});
    std::copy(buffer_.data() + used, buffer_.data() + held_, buffer_.data());
    held_ -= used;
    if (socket_.is_open()) read();
}

void Wire::flush()
{
    if (writing_ || out_.empty() || !socket_.is_open()) return;
    error_code failure;
    auto const written = socket_.write_some(asio::buffer(out_), failure);
    if (written == out_.size()) {
        out_.clear();
    } else if (!failure || failure == asio::error::would_block || failure == asio::error::try_again) {
        write_rest(written);
    }
    // Any other failure ends the read too.
}

void Wire::write_rest(std::size_t written)
{
    writing_ = true;
    sending_.assign(out_, written);
    out_.clear();
    asio::async_write(
        socket_, asio::buffer(sending_), [self = shared_from_this()](error_code const& failure, std::size_t) {
            self->writing_ = false;
            if (!failure) self->flush();
        });
}

void Wire::flush_soon()
{
    if (std::exchange(flush_posted_, true)) return;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->flush_posted_ = false;
        self->flush();
    });
}

void Wire::close()
{
    error_code ignored;
    socket_.close(ignored);
}

} // namespace elves::bench
