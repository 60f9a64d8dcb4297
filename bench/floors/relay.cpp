#include <boost/asio/io_context.hpp>
#include <deque>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "floors/floors.hpp"
#include "floors/listen.hpp"
#include "load/frames.hpp"
#include "load/wire.hpp"

namespace elves::bench {

namespace {

/// From clients to workers in turn, and back: a worker answers in order. Keeps nothing, looks into nothing.
class Relay {
public:
    void take_client(tcp::socket socket)
    {
        auto const client = std::make_shared<Wire>(std::move(socket));
        client->start(
            [this, line = client.get()](std::string_view bytes) {
                return each_frame(bytes, [&](std::string_view frame) { to_worker(*line, frame); });
            },
            [] {});
    }

    void take_worker(tcp::socket socket)
    {
        auto const end = std::make_shared<WorkerEnd>();
        workers_.push_back(end);
        auto& worker = *end;
        worker.wire = std::make_shared<Wire>(std::move(socket));
        worker.wire->start(
            [&worker](std::string_view bytes) {
                return each_frame(bytes, [&](std::string_view frame) { to_client(worker, frame); });
            },
            [this, end] { std::erase(workers_, end); });
    }

private:
    struct WorkerEnd {
        std::shared_ptr<Wire> wire;
        std::deque<std::shared_ptr<Wire>> clients; ///< Who waits for its next answers.
    };

    template <class Use>
    static std::size_t each_frame(std::string_view bytes, Use use)
    {
        std::size_t used = 0;
        while (auto const size = frame_size(bytes.substr(used))) {
            use(bytes.substr(used, size));
            used += size;
        }
        return used;
    }

    void to_worker(Wire& client, std::string_view frame)
    {
        if (workers_.empty()) throw std::runtime_error("there is no worker yet");
        auto& worker = *workers_[next_++ % workers_.size()];
        worker.clients.push_back(client.shared_from_this());
        worker.wire->out() += frame;
        worker.wire->flush_soon();
    }

    static void to_client(WorkerEnd& worker, std::string_view frame)
    {
        auto const client = std::move(worker.clients.front());
        worker.clients.pop_front();
        client->out() += frame;
        client->flush_soon();
    }

    std::vector<std::shared_ptr<WorkerEnd>> workers_;
    std::size_t next_ = 0;
};

} // namespace

void serve_relay()
{
    boost::asio::io_context io(1);
    Relay relay;
    Listener const clients(io, [&](tcp::socket socket) { relay.take_client(std::move(socket)); });
    Listener const workers(io, [&](tcp::socket socket) { relay.take_worker(std::move(socket)); });
    std::cout << "listening on " << clients.address() << " workers on " << workers.address() << std::endl;
    io.run();
}

} // namespace elves::bench
