#pragma once

#include "load/talk.hpp"

namespace elves::bench {

/// What others are asked that comes nearest to a question of ours; `payload` is the text of our frame.

/// `get` (a value of 6 bytes), `lpush`.
[[nodiscard]] std::unique_ptr<Talk> redis_talk(std::string const& question, std::string const& payload);
/// `stats-job`, `put`.
[[nodiscard]] std::unique_ptr<Talk> beanstalk_talk(std::string const& question, std::string const& payload);
/// `get-status`, `foreground`, `background`.
[[nodiscard]] std::unique_ptr<Talk> gearman_talk(std::string const& question, std::string const& payload);
[[nodiscard]] std::unique_ptr<Worker> gearman_worker();
/// `request`: with an inbox of its own for each connection.
[[nodiscard]] std::unique_ptr<Talk> nats_talk(std::string const& question, std::string const& payload);
[[nodiscard]] std::unique_ptr<Worker> nats_worker();
/// `direct-reply-to`, `classic`, `quorum`: as the guest of a RabbitMQ.
[[nodiscard]] std::unique_ptr<Talk> amqp_talk(std::string const& question, std::string const& payload);
[[nodiscard]] std::unique_ptr<Worker> amqp_worker();

[[noreturn]] void throw_no_question(std::string const& dialect, std::string const& question);

/// Blocks until a line has come, and gives it without its end (`\r\n`).
[[nodiscard]] std::string read_line(tcp::socket& socket);
/// Size of the line that `bytes` begin with, its end included; 0 while it is not whole.
[[nodiscard]] inline std::size_t line_size(std::string_view bytes)
{
    auto const end = bytes.find("\r\n");
    return end == std::string_view::npos ? 0 : end + 2;
}
/// The whole number at the end of a line.
[[nodiscard]] std::size_t last_number(std::string_view line);

} // namespace elves::bench
