#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

#include "load/peers.hpp"

namespace elves::bench {

namespace {

std::string put(std::string const& payload)
{
    return "put 100 0 90 " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
}

class BeanstalkTalk final : public Talk {
public:
    BeanstalkTalk(std::string asked, std::string const& payload)
        : asked_(std::move(asked)), job_(put(payload))
    {
    }

    void greet(tcp::socket& socket, std::size_t) override
    {
        boost::asio::write(socket, boost::asio::buffer(job_)); // the first is the one that is asked about
        auto const line = read_line(socket);
        if (!line.starts_with("INSERTED ")) throw std::runtime_error("beanstalkd: " + line);
    }
    void ask(std::string& out, std::size_t) override { out += asked_; }
    Piece answer(std::string_view bytes) override
    {
        auto size = line_size(bytes);
        if (size == 0) return {};
        if (bytes.starts_with("OK ")) {
            size += last_number(bytes.substr(0, size)) + 2;
        } else if (!bytes.starts_with("INSERTED ")) {
            throw std::runtime_error("beanstalkd: " + std::string(bytes.substr(0, size)));
        }
        return {size <= bytes.size() ? size : 0};
    }

private:
    std::string asked_;
    std::string job_;
};

} // namespace

std::unique_ptr<Talk> beanstalk_talk(std::string const& question, std::string const& payload)
{
    if (question == "stats-job") return std::make_unique<BeanstalkTalk>("stats-job 1\r\n", payload);
    if (question == "put") return std::make_unique<BeanstalkTalk>(put(payload), payload);
    throw_no_question("beanstalk", question);
}

} // namespace elves::bench
