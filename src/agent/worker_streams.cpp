#include "agent/worker_streams.hpp"

#include <utility>

#include "agent/bounded_text.hpp"

namespace elves::agent {

static constexpr std::size_t error_bytes = std::size_t{64} * 1024;

void WorkerStreams::finish()
{
    take_output(output_repair_.finish());
    take_errors(error_repair_.finish());
    result_.put(result_repair_.finish());
}

WorkerAnswer WorkerStreams::answer() const
{
    if (result_.is_used()) return {result_.flag(), result_.result(), result_.is_cut()};
    if (output_.flag()) return {output_.flag(), output_.result(), output_.result_cut()};
    return {std::nullopt, std::string(output_.text()), output_.text_cut()};
}

std::string WorkerStreams::error_text() const { return std::string(tail_of(error_, error_bytes)); }

std::string WorkerStreams::error_tail() const
{
    constexpr std::size_t tail_bytes = 2048;
    return std::string(tail_of(error_, tail_bytes));
}

void WorkerStreams::take_output(std::string_view text)
{
    // All of it is read: the answer may come after a flood.
    output_.put(text);
    if (!text.empty() && on_output_) on_output_(OutputStream::output, text);
}

void WorkerStreams::take_errors(std::string_view text)
{
    if (!text.empty() && on_output_) on_output_(OutputStream::errors, text);
    error_.append(text);
    error_cut_ = error_cut_ || error_.size() > error_bytes;
    if (error_.size() > 2 * error_bytes) error_ = tail_of(error_, error_bytes);
}

} // namespace elves::agent
