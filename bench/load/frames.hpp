#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/talk.hpp"

namespace elves::bench {

/// Whole size of the frame that `bytes` begin with; 0 while it is not there.
[[nodiscard]] inline std::size_t frame_size(std::string_view bytes)
{
    if (bytes.size() < 4) return 0;
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<std::uint8_t>(bytes[i]);
    return bytes.size() - 4 < size ? 0 : 4 + size;
}

/// The IP of the fake agent with that number: 10.0.0.1 and on.
[[nodiscard]] std::string agent_ip(std::size_t number);

/// Asks with the same frames in turn, and looks for a word in each answer.
class FramesTalk final : public Talk {
public:
    FramesTalk(std::vector<std::string> frames, std::string wanted)
        : frames_(std::move(frames)), wanted_(std::move(wanted))
    {
    }
    void greet(tcp::socket&, std::size_t) override {}
    void ask(std::string& out, std::size_t connection) override;
    Piece answer(std::string_view bytes) override;

private:
    std::vector<std::string> frames_;
    std::size_t next_ = 0;
    std::string wanted_;
};

/// Blocks until one frame has come, and gives its text.
[[nodiscard]] std::string read_frame(tcp::socket& socket);

/// An agent that answers `agent.instruct` at once: an `rt` one with a result; others are taken, and their
/// result follows in the same write.
class ElvesWorker final : public Worker {
public:
    void greet(tcp::socket& socket, std::size_t connection) override;
    std::size_t take(std::string_view bytes, std::string& out) override;
    void beat(std::string& out) override;

private:
    void instruct(std::string_view text, std::string_view mqid, std::string& out);
    std::int64_t last_mqid_ = 0;
};

/// Gives each frame back: the relay's worker.
class EchoWorker final : public Worker {
public:
    void greet(tcp::socket&, std::size_t) override {}
    std::size_t take(std::string_view bytes, std::string& out) override;
};

/// The questions of the `elves` dialect, and their frames to `agents` agents.
[[nodiscard]] std::unique_ptr<Talk> elves_talk(std::string const& question, std::size_t agents);
/// The text of the first of them.
[[nodiscard]] std::string frame_text(std::string const& question);
/// The same frames, to somebody who sends them back.
[[nodiscard]] std::unique_ptr<Talk> echo_talk(std::string const& question, std::size_t agents);

} // namespace elves::bench
