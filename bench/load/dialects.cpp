#include <stdexcept>

#include "load/frames.hpp"
#include "load/peers.hpp"
#include "load/talk.hpp"

namespace elves::bench {

std::unique_ptr<Talk> make_talk(std::string const& dialect, std::string const& question, std::size_t agents)
{
    if (dialect == "elves") return elves_talk(question, agents);
    if (dialect == "frames") return echo_talk(question, agents);
    auto const payload = frame_text("sendasync");
    if (dialect == "redis") return redis_talk(question, payload);
    if (dialect == "beanstalk") return beanstalk_talk(question, payload);
    if (dialect == "gearman") return gearman_talk(question, payload);
    if (dialect == "nats") return nats_talk(question, payload);
    if (dialect == "amqp") return amqp_talk(question, payload);
    throw std::runtime_error("no dialect \"" + dialect + "\"");
}

std::unique_ptr<Worker> make_worker(std::string const& dialect)
{
    if (dialect == "elves") return std::make_unique<ElvesWorker>();
    if (dialect == "frames") return std::make_unique<EchoWorker>();
    if (dialect == "gearman") return gearman_worker();
    if (dialect == "nats") return nats_worker();
    if (dialect == "amqp") return amqp_worker();
    throw std::runtime_error("no worker for the dialect \"" + dialect + "\"");
}

} // namespace elves::bench
