#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "elves/ip.hpp"

namespace elves {

/// A connected, ordered, non-blocking stream of bytes: a TCP or Unix socket, or a wire of the simulation. On
/// the loop's thread.
class ByteStream {
public:
    using Failure = boost::system::error_code;

    /// Who uses it. A wait that is pending owns it.
    class User {
    public:
        /// On the loop, once for each wait. `failure` is set where the stream was closed meanwhile.
        virtual void on_readable(Failure const& failure) = 0;
        virtual void on_writable(Failure const& failure) = 0;

    protected:
        ~User() = default;
    };

    virtual ~ByteStream() = default;
    /// One wait of each kind at a time.
    virtual void wait_readable(std::shared_ptr<User> user) = 0;
    virtual void wait_writable(std::shared_ptr<User> user) = 0;
    /// Returns how many bytes were read into `buffer`. `failure`: try_again where nothing has come, eof where
    /// nothing more will.
    [[nodiscard]] virtual std::size_t read_some(std::span<char> buffer, Failure& failure) = 0;
    /// Returns how many of `bytes` were taken. `failure`: try_again where none can be taken now.
    [[nodiscard]] virtual std::size_t write_some(std::string_view bytes, Failure& failure) = 0;
    /// Ends both directions. What was written before still leaves.
    virtual void close() noexcept = 0;
    /// This end's address; nothing where it has none, or is closed.
    [[nodiscard]] virtual std::optional<Ip> local_ip() const { return std::nullopt; }
};

} // namespace elves
