#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rpc/link.hpp"
#include "sim/sim_pipe.hpp"

namespace elves::sim {

/// Wires between processes, each end of which is the product's own connection (src/rpc's Link). Each wire
/// keeps the order of its bytes, as TCP does, cuts them where it likes, and takes no more than its window;
/// what one wire is to another is chance. A wire may be cut with what is on its way, without a word to either
/// end; machines may be parted, and what they say then waits, or is never heard.
class SimNetwork {
public:
    using OnLink = std::function<void(std::shared_ptr<Link>)>;

    explicit SimNetwork(Nature& nature) : nature_(nature) {}

    /// From now on whoever connects to that process's machine gets a link of `shared`.
    void listen(Process& process, LinkShared& shared);
    /// Calls `then` on the loop of `from`, with null where there was no way. The link is not started.
    void connect(Process& from, Machine& to, LinkShared& shared, OnLink then);
    /// The process has crashed, or ended: its links with it.
    void forget(Process& process);

    /// Cuts one wire, whichever. False where there is none.
    bool cut_one();
    void part(Machine const& one, Machine const& other);
    void join(Machine const& one, Machine const& other);
    void join_all();
    /// How many wires between them were torn so far.
    [[nodiscard]] std::uint64_t tears_between(Machine const& one, Machine const& other) const;
    [[nodiscard]] bool is_parted(Machine const& one, Machine const& other) const;

    /// More for each message.
    std::chrono::microseconds slow{0};
    /// Planted bug: so many of a thousand frames have another result in them.
    int garbles = 0;
    /// Planted bugs: see Plant.
    bool loses_handovers = false;
    bool loses_reports = false;
    bool delays_handovers = false;

private:
    /// One way of a wire: towards `to`.
    struct Way {
        Machine* to = nullptr;
        std::shared_ptr<SimPipe> end;                    ///< Null once it is gone.
        std::deque<std::pair<std::string, bool>> coming; ///< Bytes, and whether they are the last.
        Steady last{};
        std::size_t held = 0; ///< Of those, how many came while the machines were parted.
        bool black_hole = false;
    };
    struct Wire {
        std::uint64_t number = 0;
        std::array<Way, 2> ways;
    };

    std::shared_ptr<SimPipe> make_end(Wire& wire, std::size_t side, Process& home, Machine const& other);
    static std::shared_ptr<Link> make_link(
        std::shared_ptr<SimPipe> pipe, Machine const& other, std::uint64_t number, LinkShared& shared);
    void send(Wire& wire, std::size_t way, std::string bytes, bool fin);
    /// Does to `bytes` what the planted bugs do; returns how much later they come.
    std::chrono::microseconds spoil(std::string& bytes);
    void expect(std::uint64_t number, std::size_t way);
    void arrive(std::uint64_t number, std::size_t way);
    /// Part of what is on its way is lost; then the end is told, or not.
    void tear(Wire& wire, std::size_t way, bool told);
    void tidy(Wire const& wire);
    void resume();
    [[nodiscard]] std::chrono::microseconds delay();

    Nature& nature_;
    std::map<std::uint64_t, Wire> wires_;
    std::uint64_t last_wire_ = 0;
    std::map<std::pair<std::string, std::string>, std::uint64_t> tears_;
    std::map<Process const*, LinkShared*> listening_;
    /// From whom to whom: the newest wire that something came on.
    std::map<std::pair<std::string, std::string>, std::uint64_t> newest_;
    std::set<std::pair<std::string, std::string>> parted_; ///< By names: their order is the same in each run.
};

/// A started link to that machine; null where there was no way within ten seconds.
[[nodiscard]] asio::awaitable<std::shared_ptr<Link>> dial(
    SimNetwork& network, Process& from, Machine& to, LinkShared& shared);

} // namespace elves::sim
