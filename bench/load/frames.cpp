#include "load/frames.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

#include "core/frame_reader.hpp"
#include "elves/json.hpp"
#include "rpc/back.hpp"

namespace elves::bench {

namespace asio = boost::asio;

namespace {

constexpr std::string_view no_length("\0\0\0\0", 4);

struct Question {
    std::string_view name;
    std::string_view service;
    std::string_view method;
    bool is_send = false;
    bool is_of_agent = false;
    std::string_view wanted;     ///< What a good answer has in it.
    std::size_t param_bytes = 0; ///< 0: the usual, short one.
};

constexpr Question questions[] = {
    {"ping", "elves", "ping", false, false, R"("flag":"true")"},
    {"getstatbyip", "heartbeat", "getstatbyip", false, true, R"("status":"online")"},
    {"sendsync", "sheduler", "sendsync", true, true, R"("worker_flag":1)"},
    {"sendasync", "sheduler", "sendasync", true, true, R"("agent_sync_flag":"true")"},
    {"sendasync-4k", "sheduler", "sendasync", true, true, R"("agent_sync_flag":"true")", 4'096},
};

Question const& find(std::string const& name)
{
    for (auto const& question : questions) {
        if (question.name == name) return question;
    }
    throw std::runtime_error("no question \"" + name + "\" in the frames' dialect");
}

std::string param_of(Question const& question)
{
    std::string const usual = R"({"my":"toryzen"})";
    if (question.param_bytes == 0) return usual;
    std::string long_one = R"({"my":")";
    long_one.append(question.param_bytes - long_one.size() - 2, 'x').append(R"("})");
    return long_one;
}

/// Without `mqid`: answers come in the order of the questions.
std::string frame(Question const& question, std::size_t agent)
{
    json::object call{{"mqt", "call"}, {"mqs", question.service}, {"mqf", question.method}};
    if (question.is_of_agent) call["agentip"] = agent_ip(agent);
    if (question.is_send) {
        call["ins"] = json::object{
            {"mode", "NP"}, {"app", "apptest"}, {"func", "helloword"}, {"param", param_of(question)}};
    }
    std::string text(no_length);
    text += json::serialize(call);
    seal_frame(text, 0);
    return text;
}

std::vector<std::string> frames(Question const& question, std::size_t agents)
{
    std::vector<std::string> all;
    for (std::size_t agent = 0; agent < std::max<std::size_t>(agents, 1); ++agent) {
        all.push_back(frame(question, agent));
    }
    return all;
}

/// What stands between `before` and the next `,` or quote; "" without.
std::string_view value_behind(std::string_view text, std::string_view before)
{
    auto const at = text.find(before);
    if (at == std::string_view::npos) return {};
    auto const begin = at + before.size();
    return text.substr(begin, text.find_first_of(",\"}", begin) - begin);
}

} // namespace

std::string agent_ip(std::size_t number)
{
    auto const ip = number + 1;
    return "10." + std::to_string(ip >> 16 & 255) + '.' + std::to_string(ip >> 8 & 255) + '.' +
           std::to_string(ip & 255);
}

void FramesTalk::ask(std::string& out, std::size_t)
{
    out += frames_[next_];
    if (++next_ == frames_.size()) next_ = 0;
}

Piece FramesTalk::answer(std::string_view bytes)
{
    auto const size = frame_size(bytes);
    auto const text = bytes.substr(0, size);
    if (size != 0 && text.find(wanted_) == std::string_view::npos) {
        // More than the server takes, or than the agent takes in time.
        bool const is_refusal = text.find("\"[429.1]") != std::string_view::npos ||
                                text.find("\"[410.2]") != std::string_view::npos;
        if (is_refusal) return {size, true, true};
        throw std::runtime_error("not the answer that was wanted: " + std::string(bytes.substr(4, size - 4)));
    }
    return {size};
}

std::string read_frame(tcp::socket& socket)
{
    std::string bytes(4, '\0');
    asio::read(socket, asio::buffer(bytes));
    bytes.resize(4 + [&] {
        std::size_t size = 0;
        for (char const c : bytes) size = size << 8 | static_cast<std::uint8_t>(c);
        return size;
    }());
    asio::read(socket, asio::buffer(bytes.data() + 4, bytes.size() - 4));
    return bytes.substr(4);
}

void ElvesWorker::greet(tcp::socket& socket, std::size_t connection)
{
    std::string out;
    json::object const fields{{"agentip", agent_ip(connection)}, {"os", "linux"}, {"version", "bench"}};
    append_request(out, "heartbeat", "register", ++last_mqid_, fields);
    asio::write(socket, asio::buffer(out));
    auto const text = read_frame(socket);
    if (text.find(R"("flag":"true")") == std::string::npos) throw std::runtime_error("no agent: " + text);
}

std::size_t ElvesWorker::take(std::string_view bytes, std::string& out)
{
    auto const size = frame_size(bytes);
    if (size == 0) return 0;
    auto const text = bytes.substr(4, size - 4);
    if (text.starts_with(R"({"mqt":"call")")) {
        // The server's own frames: their fields have one order and no blanks.
        auto const mqid = value_behind(text, R"("mqid":)");
        if (text.find(R"("mqf":"instruct")") != std::string_view::npos) {
            instruct(text, mqid, out);
        } else {
            auto const at = out.size();
            out.append(no_length).append(R"({"mqt":"back","mqs":"agent","mqf":"","mqid":)").append(mqid);
            out += R"(,"flag":"true","error_info":"","info":[]})";
            seal_frame(out, at);
        }
    } else if (text.find(R"("flag":"false")") != std::string_view::npos) {
        throw std::runtime_error("a result was refused: " + std::string(text));
    }
    return size;
}

void ElvesWorker::instruct(std::string_view text, std::string_view mqid, std::string& out)
{
    constexpr std::string_view result = R"("worker_flag":1,"worker_result":"toryzen","worker_costtime":1)";
    auto at = out.size();
    out.append(no_length).append(R"({"mqt":"back","mqs":"agent","mqf":"instruct","mqid":)").append(mqid);
    out += R"(,"flag":"true","error_info":"")";
    bool const is_rt = text.find(R"("type":"rt")") != std::string_view::npos;
    if (is_rt) out.append(",").append(result);
    out += '}';
    seal_frame(out, at);
    if (is_rt) return;
    at = out.size();
    out.append(no_length).append(R"({"mqt":"call","mqs":"tasklog","mqf":"agentasynclog","mqid":)");
    out.append(std::to_string(++last_mqid_)).append(R"(,"id":")").append(value_behind(text, R"("id":")"));
    out.append(R"(","info":{)").append(result).append("}}");
    seal_frame(out, at);
}

void ElvesWorker::beat(std::string& out) { append_request(out, "heartbeat", "beat", 0, json::object()); }

std::size_t EchoWorker::take(std::string_view bytes, std::string& out)
{
    auto const size = frame_size(bytes);
    out += bytes.substr(0, size);
    return size;
}

std::unique_ptr<Talk> elves_talk(std::string const& question, std::size_t agents)
{
    auto const& found = find(question);
    return std::make_unique<FramesTalk>(frames(found, agents), std::string(found.wanted));
}

std::string frame_text(std::string const& question) { return frame(find(question), 0).substr(4); }

std::unique_ptr<Talk> echo_talk(std::string const& question, std::size_t agents)
{
    return std::make_unique<FramesTalk>(frames(find(question), agents), R"("mqt":"call")");
}

} // namespace elves::bench
