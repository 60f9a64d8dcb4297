#include "sim/sim_network.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace elves::sim {

using namespace std::chrono_literals;

static constexpr auto dial_limit = 10s;

static std::pair<std::string, std::string> pair_of(std::string const& one, std::string const& other)
{
    return {std::min(one, other), std::max(one, other)};
}

std::chrono::microseconds SimNetwork::delay()
{
    auto& random = nature_.random;
    return slow + (random.chance(20) ? random.time(5ms, 800ms) : random.time(50us, 5ms));
}

void SimNetwork::listen(Process& process, Router const& router) { listening_[&process] = &router; }

std::shared_ptr<SimLink> SimNetwork::make_end(
    Wire& wire, std::size_t side, Process& home, Router const* router, Machine const& other)
{
    auto const number = wire.number;
    auto send_on = [this, number, way = 1 - side, here = std::weak_ptr(home.here)](
                       std::string bytes, bool fin) {
        auto const found = wires_.find(number);
        if (!here.expired() && found != wires_.end()) send(found->second, way, std::move(bytes), fin);
    };
    constexpr std::uint64_t first_port = 20'000;
    auto const port = static_cast<int>(first_port + number % first_port);
    auto link = std::make_shared<SimLink>(home, router, other, port, std::move(send_on));
    wire.ways[side].to = &home.machine;
    wire.ways[side].end = link;
    return link;
}

void SimNetwork::connect(Process& from, Machine& to, Router const* router, OnLink then)
{
    auto tell = [&from, here = std::weak_ptr(from.here), then = std::move(then)](
                    std::shared_ptr<SimLink> link) {
        if (!here.expired()) asio::post(from.io, [then, link = std::move(link)] { then(link); });
    };
    nature_.time.after(delay(), [this, &from, &to, router, here = std::weak_ptr(from.here), tell] {
        if (here.expired()) return;
        if (is_parted(from.machine, to)) return nature_.time.after(dial_limit, [tell] { tell(nullptr); });
        auto const listener = listening_.find(to.process);
        if (listener == listening_.end()) return nature_.time.after(delay(), [tell] { tell(nullptr); });
        auto& wire = wires_[++last_wire_];
        wire.number = last_wire_;
        make_end(wire, 0, *to.process, listener->second, from.machine);
        auto link = make_end(wire, 1, from, router, to);
        nature_.time.after(delay(), [tell, link = std::weak_ptr(link)] { tell(link.lock()); });
    });
}

void SimNetwork::forget(Process& process)
{
    listening_.erase(&process);
    std::vector<std::uint64_t> numbers;
    for (auto const& [number, wire] : wires_) numbers.push_back(number);
    for (auto const number : numbers) {
        auto& wire = wires_.at(number);
        for (std::size_t side = 0; side < 2; ++side) {
            auto& way = wire.ways[side];
            if (!way.end || &way.end->home() != &process) continue;
            way.end->drop();
            way.end.reset();
            tear(wire, 1 - side, nature_.random.chance(800));
        }
        tidy(wire);
    }
}

void SimNetwork::send(Wire& wire, std::size_t at, std::string bytes, bool fin)
{
    auto& way = wire.ways[at];
    if (way.black_hole) return;
    if (garbles > 0 && nature_.random.chance(garbles)) {
        auto const place = bytes.find("\"worker_result\":\"true");
        if (place != std::string::npos) bytes.replace(place + 17, 4, "fals");
    }
    way.coming.emplace_back(std::move(bytes), fin);
    expect(wire.number, at);
}

void SimNetwork::expect(std::uint64_t number, std::size_t at)
{
    auto& way = wires_.at(number).ways[at];
    way.last = std::max(way.last, nature_.time.now() + delay());
    nature_.time.at(way.last, [this, number, at] { arrive(number, at); });
}

void SimNetwork::arrive(std::uint64_t number, std::size_t at)
{
    auto const found = wires_.find(number);
    if (found == wires_.end()) return;
    auto& wire = found->second;
    auto& way = wire.ways[at];
    if (way.coming.empty()) return;
    if (is_parted(*wire.ways[0].to, *wire.ways[1].to)) {
        ++way.held;
        nature_.tally.see(Sight::message_held);
        return;
    }
    auto& newest = newest_[{wire.ways[1 - at].to->name, way.to->name}];
    if (number < newest) nature_.tally.see(Sight::overtaken);
    newest = std::max(newest, number);
    auto [bytes, fin] = std::move(way.coming.front());
    way.coming.pop_front();
    if (!way.end) {
        // A machine that is up answers for a program that is not: there is no such connection.
        if (way.to->process && !fin) tear(wire, 1 - at, true);
        return tidy(wire);
    }
    auto& io = way.end->home().io;
    asio::post(io, [end = way.end, bytes = std::move(bytes), last = fin] {
        if (!bytes.empty()) end->take(bytes);
        if (last) end->take_end();
    });
    if (fin) {
        // It still says what it has to say; nothing more comes to it.
        way.end.reset();
        way.coming.clear();
        tidy(wire);
    }
}

void SimNetwork::tear(Wire& wire, std::size_t at, bool told)
{
    auto& way = wire.ways[at];
    if (way.black_hole || !way.end) return;
    auto const before = way.coming.size();
    way.coming.resize(nature_.random.below(before + 1));
    if (way.coming.size() < before) nature_.tally.see(Sight::message_lost);
    if (!told) nature_.tally.see(Sight::half_open);
    if (told) {
        way.coming.emplace_back("", true);
        expect(wire.number, at);
    }
    way.black_hole = true;
}

void SimNetwork::tidy(Wire const& wire)
{
    if (!wire.ways[0].end && !wire.ways[1].end) wires_.erase(wire.number);
}

bool SimNetwork::cut_one()
{
    if (wires_.empty()) return false;
    auto place = wires_.begin();
    std::advance(place, nature_.random.below(wires_.size()));
    auto& wire = place->second;
    ELVES_SIM_TRACE(nature_.trace,
        "network: the wire of " << wire.ways[0].to->name << " and " << wire.ways[1].to->name << " breaks");
    // Both ends may be told, or one, or none.
    auto const told = nature_.random.between(0, 3);
    tear(wire, 0, (told & 1) != 0);
    tear(wire, 1, (told & 2) != 0);
    return true;
}

void SimNetwork::part(Machine const& one, Machine const& other)
{
    parted_.insert(pair_of(one.name, other.name));
}

void SimNetwork::join(Machine const& one, Machine const& other)
{
    if (parted_.erase(pair_of(one.name, other.name)) > 0) resume();
}

void SimNetwork::join_all()
{
    parted_.clear();
    resume();
}

/// What waited for its machines to be joined is on its way again.
void SimNetwork::resume()
{
    for (auto& [number, wire] : wires_) {
        if (is_parted(*wire.ways[0].to, *wire.ways[1].to)) continue;
        for (std::size_t at = 0; at < 2; ++at) {
            for (auto held = std::exchange(wire.ways[at].held, 0); held > 0; --held) expect(number, at);
        }
    }
}

bool SimNetwork::is_parted(Machine const& one, Machine const& other) const
{
    return parted_.contains(pair_of(one.name, other.name));
}

asio::awaitable<std::shared_ptr<SimLink>> dial(
    SimNetwork& network, Process& from, Machine& to, Router const* router)
{
    OneShot<std::shared_ptr<SimLink>> linked;
    auto const given_up = std::make_shared<bool>(false);
    SimNetwork::OnLink then = [linked, given_up](std::shared_ptr<SimLink> link) mutable {
        if (!*given_up) return linked.set(std::move(link));
        if (link) link->close("nobody waits for it any more");
    };
    network.connect(from, to, router, std::move(then));
    auto link = co_await linked.wait(from.clock, dial_limit);
    *given_up = true;
    co_return link.value_or(nullptr);
}

} // namespace elves::sim
