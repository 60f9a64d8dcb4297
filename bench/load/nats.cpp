#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

#include "load/peers.hpp"

namespace elves::bench {

namespace {

/// Says who it is, subscribes, and waits until that is known.
void connect(tcp::socket& socket, std::string const& subject)
{
    if (auto const line = read_line(socket); !line.starts_with("INFO "))
        throw std::runtime_error("nats: " + line);
    auto const out = "CONNECT {\"verbose\":false}\r\nSUB " + subject + " 1\r\nPING\r\n";
    boost::asio::write(socket, boost::asio::buffer(out));
    if (auto const line = read_line(socket); line != "PONG") throw std::runtime_error("nats: " + line);
}

/// A message with its payload, or another line.
std::size_t message_size(std::string_view bytes)
{
    auto size = line_size(bytes);
    if (size == 0) return 0;
    if (bytes.starts_with("MSG ")) size += last_number(bytes.substr(0, size)) + 2;
    if (bytes.starts_with("-ERR")) throw std::runtime_error("nats: " + std::string(bytes.substr(0, size)));
    return size <= bytes.size() ? size : 0;
}

std::string inbox(std::size_t connection) { return "inbox." + std::to_string(connection); }

class NatsTalk final : public Talk {
public:
    explicit NatsTalk(std::string payload) : payload_(std::move(payload)) {}

    void greet(tcp::socket& socket, std::size_t connection) override { connect(socket, inbox(connection)); }
    void ask(std::string& out, std::size_t connection) override
    {
        out.append("PUB work ")
            .append(inbox(connection))
            .append(" ")
            .append(std::to_string(payload_.size()))
            .append("\r\n");
        out.append(payload_).append("\r\n");
    }
    Piece answer(std::string_view bytes) override { return {message_size(bytes), bytes.starts_with("MSG ")}; }

private:
    std::string payload_;
};

class NatsWorker final : public Worker {
public:
    void greet(tcp::socket& socket, std::size_t) override { connect(socket, "work workers"); }
    std::size_t take(std::string_view bytes, std::string& out) override
    {
        auto const size = message_size(bytes);
        if (bytes.starts_with("PING")) out += "PONG\r\n";
        if (size == 0 || !bytes.starts_with("MSG ")) return size;
        // MSG subject sid reply-to size
        auto const line = bytes.substr(0, bytes.find("\r\n"));
        auto const end = line.rfind(' ');
        auto const begin = line.rfind(' ', end - 1) + 1;
        out.append("PUB ").append(line.substr(begin, end - begin)).append(" 7\r\ntoryzen\r\n");
        return size;
    }
};

} // namespace

std::unique_ptr<Talk> nats_talk(std::string const& question, std::string const& payload)
{
    if (question == "request") return std::make_unique<NatsTalk>(payload);
    throw_no_question("nats", question);
}

std::unique_ptr<Worker> nats_worker() { return std::make_unique<NatsWorker>(); }

} // namespace elves::bench
