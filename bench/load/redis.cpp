#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

#include "load/peers.hpp"

namespace elves::bench {

namespace {

std::string command(std::initializer_list<std::string_view> words)
{
    auto text = "*" + std::to_string(words.size()) + "\r\n";
    for (auto const word : words) {
        text.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
    }
    return text;
}

class RedisTalk final : public Talk {
public:
    explicit RedisTalk(std::string asked) : asked_(std::move(asked)) {}

    void greet(tcp::socket& socket, std::size_t) override
    {
        boost::asio::write(socket, boost::asio::buffer(command({"SET", "10.0.0.1", "online"})));
        if (auto const line = read_line(socket); line != "+OK") throw std::runtime_error("redis: " + line);
    }
    void ask(std::string& out, std::size_t) override { out += asked_; }
    Piece answer(std::string_view bytes) override
    {
        auto size = line_size(bytes);
        if (size == 0) return {};
        if (bytes[0] == '-' || bytes.starts_with("$-1"))
            throw std::runtime_error("redis: " + std::string(bytes));
        if (bytes[0] == '$') size += last_number(bytes.substr(0, size)) + 2;
        return {size <= bytes.size() ? size : 0};
    }

private:
    std::string asked_;
};

} // namespace

std::unique_ptr<Talk> redis_talk(std::string const& question, std::string const& payload)
{
    if (question == "get") return std::make_unique<RedisTalk>(command({"GET", "10.0.0.1"}));
    if (question == "lpush") return std::make_unique<RedisTalk>(command({"LPUSH", "tasks", payload}));
    throw_no_question("redis", question);
}

} // namespace elves::bench
