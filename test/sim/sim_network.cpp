#include "sim/sim_network.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "elves/one_shot.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

static constexpr auto dial_limit = 10s;
/// Bytes that may be on their way: as usual, and so few that a frame has to wait for the one before.
static constexpr std::size_t usual_window = 64 * 1024;
static constexpr std::size_t small_window = 100;

static std::pair<std::string, std::string> pair_of(std::string const& one, std::string const& other)
{
    return {std::min(one, other), std::max(one, other)};
}

std::chrono::microseconds SimNetwork::delay()
{
    auto& random = nature_.random;
    return slow + (random.chance(20) ? random.time(5ms, 800ms) : random.time(50us, 5ms));
}

void SimNetwork::listen(Process& process, LinkShared& shared) { listening_[&process] = &shared; }

std::shared_ptr<SimPipe> SimNetwork::make_end(
    Wire& wire, std::size_t side, Process& home, Machine const& other)
{
    auto const number = wire.number;
    auto send_on = [this, number, way = 1 - side, here = std::weak_ptr(home.here)](
                       std::string bytes, bool fin) {
        auto const found = wires_.find(number);
        if (!here.expired() && found != wires_.end()) send(found->second, way, std::move(bytes), fin);
    };
    auto const window = nature_.random.chance(100) ? small_window : usual_window;
    auto pipe = std::make_shared<SimPipe>(home, other.name, window, std::move(send_on));
    wire.ways[side].to = &home.machine;
    wire.ways[side].end = pipe;
    return pipe;
}

std::shared_ptr<Link> SimNetwork::make_link(
    std::shared_ptr<SimPipe> pipe, Machine const& other, std::uint64_t number, LinkShared& shared)
{
    constexpr std::uint64_t first_port = 20'000;
    auto const port = static_cast<std::uint16_t>(first_port + number % first_port);
    auto const loop = pipe->home().io.get_executor();
    boost::asio::ip::tcp::endpoint const remote(boost::asio::ip::make_address(other.ip.text()), port);
    return std::make_shared<Link>(std::make_unique<SimStream>(std::move(pipe)), loop, remote, shared);
}

void SimNetwork::connect(Process& from, Machine& to, LinkShared& shared, OnLink then)
{
    auto refuse = [&from, here = std::weak_ptr(from.here), then] {
        if (!here.expired()) asio::post(from.io, [then] { then(nullptr); });
    };
    nature_.time.after(delay(), [this, &from, &to, &shared, here = std::weak_ptr(from.here), then, refuse] {
        if (here.expired()) return;
        if (is_parted(from.machine, to)) return nature_.time.after(dial_limit, refuse);
        auto const listener = listening_.find(to.process);
        if (listener == listening_.end()) return nature_.time.after(delay(), refuse);
        auto& wire = wires_[++last_wire_];
        auto const number = wire.number = last_wire_;
        make_link(make_end(wire, 0, *to.process, from.machine), from.machine, number, *listener->second)
            ->start();
        auto pipe = make_end(wire, 1, from, to);
        nature_.time.after(delay(), [&from, &to, &shared, here, then, number, pipe = std::weak_ptr(pipe)] {
            if (here.expired()) return;
            asio::post(from.io, [&to, &shared, here, then, number, pipe] {
                auto end = pipe.lock();
                if (here.expired()) return;
                then(end ? make_link(std::move(end), to, number, shared) : nullptr);
            });
        });
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
    if (auto const late = spoil(bytes); late > 0us) way.last = nature_.time.now() + late;
    // The receiver may see one write in pieces.
    if (bytes.size() > 1 && nature_.random.chance(50)) {
        auto const cut = 1 + nature_.random.below(bytes.size() - 1);
        way.coming.emplace_back(bytes.substr(0, cut), false);
        expect(wire.number, at);
        bytes.erase(0, cut);
    }
    way.coming.emplace_back(std::move(bytes), fin);
    expect(wire.number, at);
}

std::chrono::microseconds SimNetwork::spoil(std::string& bytes)
{
    // Always of the same length: the frames around stay whole.
    auto const replace = [&](std::string_view what, std::string_view by) {
        bool found = false;
        for (auto at = bytes.find(what); at != bytes.npos; at = bytes.find(what, at + by.size())) {
            bytes.replace(at, what.size(), by);
            found = true;
        }
        return found;
    };
    if (garbles > 0 && nature_.random.chance(garbles))
        replace(R"("worker_result":"true)", R"("worker_result":"fals)");
    if (loses_handovers)
        replace(R"("call","mqs":"agent","mqf":"instruct")", R"("cast","mqs":"agent","mqf":"xnstruct")");
    if (loses_reports)
        replace(R"("call","mqs":"tasklog","mqf":"agentasynclog")",
            R"("cast","mqs":"tasklog","mqf":"xgentasynclog")");
    if (!delays_handovers || bytes.find(R"("mqf":"instruct")") == bytes.npos) return 0us;
    replace(R"("start_by")", R"("start_xx")");
    return nature_.random.chance(300) ? nature_.random.time(5s, 25s) : 0us;
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
    if (auto const& sender = wire.ways[1 - at].end) sender->take_room(bytes.size());
    if (!way.end) {
        // A machine that is up answers for a program that is not: there is no such connection.
        if (way.to->process && !fin) tear(wire, 1 - at, true);
        return tidy(wire);
    }
    if (!bytes.empty()) way.end->take(bytes);
    if (fin) way.end->take_end(way.black_hole && nature_.random.chance(500));
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
    ++tears_[pair_of(wire.ways[0].to->name, wire.ways[1].to->name)];
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

std::uint64_t SimNetwork::tears_between(Machine const& one, Machine const& other) const
{
    auto const found = tears_.find(pair_of(one.name, other.name));
    return found == tears_.end() ? 0 : found->second;
}

asio::awaitable<std::shared_ptr<Link>> dial(
    SimNetwork& network, Process& from, Machine& to, LinkShared& shared)
{
    OneShot<std::shared_ptr<Link>> linked;
    auto const given_up = std::make_shared<bool>(false);
    SimNetwork::OnLink then = [linked, given_up](std::shared_ptr<Link> link) mutable {
        if (!*given_up) return linked.set(std::move(link));
        if (link) link->close("nobody waits for it any more");
    };
    network.connect(from, to, shared, std::move(then));
    auto const link = co_await linked.wait(from.clock, dial_limit);
    *given_up = true;
    if (!link || !*link) co_return nullptr;
    co_await (*link)->start_to(to.name, dial_limit);
    co_return *link;
}

} // namespace elves::sim
