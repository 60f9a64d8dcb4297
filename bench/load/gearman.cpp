#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>

#include "load/peers.hpp"

namespace elves::bench {

namespace {

/// Packet types of gearmand's PROTOCOL.
enum Packet : std::uint32_t {
    can_do = 1,
    pre_sleep = 4,
    noop = 6,
    submit_job = 7,
    job_created = 8,
    grab_job = 9,
    no_job = 10,
    job_assign = 11,
    work_complete = 13,
    get_status = 15,
    submit_job_bg = 18,
    status_res = 20,
};

constexpr std::size_t header = 12;

std::uint32_t number_at(std::string_view bytes, std::size_t at)
{
    std::uint32_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
    return number;
}

void append_number(std::string& out, std::uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 255);
}

void append_packet(std::string& out, Packet type, std::initializer_list<std::string_view> arguments)
{
    std::string body;
    for (auto const argument : arguments) body.append(argument).append(1, '\0');
    if (!body.empty()) body.pop_back(); // the last argument goes on to the packet's end
    out.append("\0REQ", 4);
    append_number(out, type);
    append_number(out, static_cast<std::uint32_t>(body.size()));
    out += body;
}

std::size_t packet_size(std::string_view bytes)
{
    if (bytes.size() < header) return 0;
    auto const size = header + number_at(bytes, 8);
    return bytes.size() < size ? 0 : size;
}

std::string read_packet(tcp::socket& socket)
{
    std::string bytes(header, '\0');
    boost::asio::read(socket, boost::asio::buffer(bytes));
    bytes.resize(header + number_at(bytes, 8));
    boost::asio::read(socket, boost::asio::buffer(bytes.data() + header, bytes.size() - header));
    return bytes;
}

class GearmanTalk final : public Talk {
public:
    GearmanTalk(Packet type, std::string payload) : type_(type), payload_(std::move(payload))
    {
        if (type_ != get_status) append_packet(asked_, type_, {"work", "", payload_});
    }

    void greet(tcp::socket& socket, std::size_t) override
    {
        if (type_ != get_status || !asked_.empty()) return;
        std::string out;
        append_packet(out, submit_job_bg, {"work", "", payload_});
        boost::asio::write(socket, boost::asio::buffer(out));
        append_packet(asked_, get_status, {read_packet(socket).substr(header)});
    }
    void ask(std::string& out, std::size_t) override { out += asked_; }
    Piece answer(std::string_view bytes) override
    {
        auto const size = packet_size(bytes);
        if (size == 0) return {};
        auto const type = number_at(bytes, 4);
        auto const last = type_ == get_status   ? status_res
                          : type_ == submit_job ? work_complete
                                                : job_created;
        if (type != last && type != job_created) {
            throw std::runtime_error("gearmand: packet " + std::to_string(type));
        }
        return {size, type == last};
    }

private:
    Packet type_;
    std::string payload_;
    std::string asked_;
};

class GearmanWorker final : public Worker {
public:
    void greet(tcp::socket& socket, std::size_t) override
    {
        std::string out;
        append_packet(out, can_do, {"work"});
        append_packet(out, grab_job, {});
        boost::asio::write(socket, boost::asio::buffer(out));
    }
    std::size_t take(std::string_view bytes, std::string& out) override
    {
        auto const size = packet_size(bytes);
        if (size == 0) return 0;
        auto const type = number_at(bytes, 4);
        if (type == no_job) {
            append_packet(out, pre_sleep, {});
        } else if (type == noop) {
            append_packet(out, grab_job, {});
        } else if (type == job_assign) {
            auto const handle = bytes.substr(header, bytes.find('\0', header) - header);
            append_packet(out, work_complete, {handle, "toryzen"});
            append_packet(out, grab_job, {});
        }
        return size;
    }
};

} // namespace

std::unique_ptr<Talk> gearman_talk(std::string const& question, std::string const& payload)
{
    if (question == "get-status") return std::make_unique<GearmanTalk>(get_status, payload);
    if (question == "foreground") return std::make_unique<GearmanTalk>(submit_job, payload);
    if (question == "background") return std::make_unique<GearmanTalk>(submit_job_bg, payload);
    throw_no_question("gearman", question);
}

std::unique_ptr<Worker> gearman_worker() { return std::make_unique<GearmanWorker>(); }

} // namespace elves::bench
