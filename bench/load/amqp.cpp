#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <stdexcept>

#include "load/peers.hpp"

namespace elves::bench {

namespace {

/// Of AMQP 0-9-1: class and method.
enum Method : std::uint32_t {
    connection_start = 10 << 16 | 10,
    connection_start_ok = 10 << 16 | 11,
    connection_tune = 10 << 16 | 30,
    connection_tune_ok = 10 << 16 | 31,
    connection_open = 10 << 16 | 40,
    connection_open_ok = 10 << 16 | 41,
    channel_open = 20 << 16 | 10,
    channel_open_ok = 20 << 16 | 11,
    queue_declare = 50 << 16 | 10,
    queue_declare_ok = 50 << 16 | 11,
    basic_consume = 60 << 16 | 20,
    basic_consume_ok = 60 << 16 | 21,
    basic_publish = 60 << 16 | 40,
    basic_deliver = 60 << 16 | 60,
    basic_ack = 60 << 16 | 80,
    confirm_select = 85 << 16 | 10,
    confirm_select_ok = 85 << 16 | 11,
};

constexpr std::size_t frame_header = 7;
constexpr char frame_end = '\xCE';
constexpr std::string_view reply_queue = "amq.rabbitmq.reply-to";
constexpr unsigned has_delivery_mode = 1 << 12;
constexpr unsigned has_reply_to = 1 << 9;

template <class Number>
Number number_at(std::string_view bytes, std::size_t at)
{
    Number number = 0;
    for (std::size_t i = at; i < at + sizeof(Number); ++i) {
        number = static_cast<Number>(number << 8 | static_cast<std::uint8_t>(bytes[i]));
    }
    return number;
}

/// Appends what the arguments of a method are made of.
class Arguments {
public:
    template <class Number>
    Arguments& number(Number value)
    {
        for (std::size_t i = sizeof(Number); i-- > 0;) text_ += static_cast<char>(value >> (8 * i) & 255);
        return *this;
    }
    Arguments& bits(std::uint8_t value) { return number(value); }
    Arguments& short_text(std::string_view text)
    {
        number(static_cast<std::uint8_t>(text.size()));
        text_ += text;
        return *this;
    }
    Arguments& long_text(std::string_view text)
    {
        number(static_cast<std::uint32_t>(text.size()));
        text_ += text;
        return *this;
    }
    [[nodiscard]] std::string const& text() const { return text_; }

private:
    std::string text_;
};

void append_frame(std::string& out, std::uint8_t type, std::uint16_t channel, std::string_view body)
{
    out += Arguments().number(type).number(channel).long_text(body).text();
    out += frame_end;
}

void append_method(std::string& out, Method method, Arguments const& arguments)
{
    std::uint16_t const channel = method >> 16 == 10 ? 0 : 1;
    append_frame(out, 1, channel, Arguments().number(std::uint32_t{method}).text() + arguments.text());
}

/// To the default exchange, which knows queues by their names. Persistent where nobody waits for a reply.
void append_message(
    std::string& out, std::string_view queue, std::string_view body, std::string_view reply_to)
{
    append_method(
        out, basic_publish, Arguments().number(std::uint16_t{0}).short_text("").short_text(queue).bits(0));
    Arguments head;
    head.number(std::uint16_t{60}).number(std::uint16_t{0}).number(std::uint64_t{body.size()});
    if (reply_to.empty()) {
        head.number(static_cast<std::uint16_t>(has_delivery_mode)).number(std::uint8_t{2});
    } else {
        head.number(static_cast<std::uint16_t>(has_reply_to)).short_text(reply_to);
    }
    append_frame(out, 2, 1, head.text());
    append_frame(out, 3, 1, body);
}

std::size_t frame_size(std::string_view bytes)
{
    if (bytes.size() < frame_header) return 0;
    auto const size = frame_header + number_at<std::uint32_t>(bytes, 3) + 1;
    return size <= bytes.size() ? size : 0;
}

/// 0 for what is no method.
std::uint32_t method_of(std::string_view frame)
{
    return frame[0] == 1 ? number_at<std::uint32_t>(frame, frame_header) : 0;
}

/// A delivery is three frames: method, head, body.
std::size_t delivery_size(std::string_view bytes)
{
    std::size_t size = 0;
    for (int i = 0; i < 3; ++i) {
        auto const next = frame_size(bytes.substr(size));
        if (next == 0) return 0;
        size += next;
    }
    return size;
}

void expect(tcp::socket& socket, Method wanted)
{
    std::string bytes(frame_header, '\0');
    boost::asio::read(socket, boost::asio::buffer(bytes));
    bytes.resize(frame_header + number_at<std::uint32_t>(bytes, 3) + 1);
    boost::asio::read(socket, boost::asio::buffer(bytes.data() + frame_header, bytes.size() - frame_header));
    if (method_of(bytes) != wanted) throw std::runtime_error("amqp: not what was expected: " + bytes);
}

void say(tcp::socket& socket, Method method, Arguments const& arguments, Method wanted)
{
    std::string out;
    append_method(out, method, arguments);
    boost::asio::write(socket, boost::asio::buffer(out));
    expect(socket, wanted);
}

void log_in(tcp::socket& socket)
{
    boost::asio::write(socket, boost::asio::buffer("AMQP\0\0\x09\x01", 8));
    expect(socket, connection_start);
    say(socket, connection_start_ok,
        Arguments().long_text("").short_text("PLAIN").long_text({"\0guest\0guest", 12}).short_text("en_US"),
        connection_tune);
    std::string out;
    append_method(out, connection_tune_ok,
        Arguments().number(std::uint16_t{2047}).number(std::uint32_t{131072}).number(std::uint16_t{0}));
    boost::asio::write(socket, boost::asio::buffer(out));
    say(socket, connection_open, Arguments().short_text("/").short_text("").bits(0), connection_open_ok);
    say(socket, channel_open, Arguments().short_text(""), channel_open_ok);
}

/// A queue's type is an argument of its own: a table of one long text.
void declare(tcp::socket& socket, std::string_view queue, bool durable, std::string_view type)
{
    Arguments table;
    if (!type.empty()) table.short_text("x-queue-type").number(std::uint8_t{'S'}).long_text(type);
    say(socket, queue_declare,
        Arguments().number(std::uint16_t{0}).short_text(queue).bits(durable ? 2 : 0).long_text(table.text()),
        queue_declare_ok);
}

/// Without acknowledgements.
void consume(tcp::socket& socket, std::string_view queue)
{
    say(socket, basic_consume,
        Arguments().number(std::uint16_t{0}).short_text(queue).short_text("").bits(2).long_text(""),
        basic_consume_ok);
}

/// Asks for a reply over RabbitMQ's direct reply-to.
class RequestTalk final : public Talk {
public:
    explicit RequestTalk(std::string const& payload) { append_message(asked_, "work", payload, reply_queue); }

    void greet(tcp::socket& socket, std::size_t) override
    {
        log_in(socket);
        consume(socket, reply_queue);
    }
    void ask(std::string& out, std::size_t) override { out += asked_; }
    Piece answer(std::string_view bytes) override
    {
        auto const size = delivery_size(bytes);
        if (size != 0 && method_of(bytes) != basic_deliver) throw std::runtime_error("amqp: no delivery");
        return {size};
    }

private:
    std::string asked_;
};

/// Publishes a persistent message to a durable queue and waits for the broker's confirm. One at a time on
/// each connection: a confirm may stand for several.
class PublishTalk final : public Talk {
public:
    PublishTalk(std::string type, std::string const& payload) : type_(std::move(type))
    {
        append_message(asked_, "tasks", payload, "");
    }

    void greet(tcp::socket& socket, std::size_t) override
    {
        log_in(socket);
        declare(socket, "tasks", true, type_);
        say(socket, confirm_select, Arguments().bits(0), confirm_select_ok);
    }
    void ask(std::string& out, std::size_t) override { out += asked_; }
    Piece answer(std::string_view bytes) override
    {
        auto const size = frame_size(bytes);
        if (size != 0 && method_of(bytes) != basic_ack) throw std::runtime_error("amqp: no confirm");
        return {size};
    }

private:
    std::string type_;
    std::string asked_;
};

class AmqpWorker final : public Worker {
public:
    void greet(tcp::socket& socket, std::size_t) override
    {
        log_in(socket);
        declare(socket, "work", false, "");
        consume(socket, "work");
    }
    std::size_t take(std::string_view bytes, std::string& out) override
    {
        auto const size = delivery_size(bytes);
        if (size == 0) return 0;
        // The head has one property, reply-to, behind class, weight, size and flags.
        auto const head = bytes.substr(frame_size(bytes) + frame_header + 14);
        append_message(out, head.substr(1, static_cast<std::uint8_t>(head[0])), "toryzen", "");
        return size;
    }
};

} // namespace

std::unique_ptr<Talk> amqp_talk(std::string const& question, std::string const& payload)
{
    if (question == "direct-reply-to") return std::make_unique<RequestTalk>(payload);
    if (question == "classic" || question == "quorum")
        return std::make_unique<PublishTalk>(question, payload);
    throw_no_question("amqp", question);
}

std::unique_ptr<Worker> amqp_worker() { return std::make_unique<AmqpWorker>(); }

} // namespace elves::bench
