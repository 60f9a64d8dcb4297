#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>

#include "elves/asio.hpp"
#include "elves/ip.hpp"
#include "rpc/link.hpp"
#include "rpc/router.hpp"
#include "sim/nature.hpp"

namespace elves::sim {

class Process;

/// What a crash leaves: a name, an address, a clock that may be wrong.
struct Machine {
    Machine(std::string name_, std::string const& ip_) : name(std::move(name_)), ip(Ip::parse(ip_).value()) {}
    Machine(Machine const&) = delete;
    Machine& operator=(Machine const&) = delete;

    std::string name;
    Ip ip;
    std::chrono::milliseconds off{0}; ///< How wrong its time of day is.
    int forgets_timers = 0;           ///< Planted bug: so many of a thousand timers never ring.
    bool paused = false;              ///< As by SIGSTOP.
    Process* process = nullptr;       ///< Null while it is down.
    std::uint64_t lives = 0;          ///< How often its program was started.
    /// Differs for each life of its program, and for each setting of its clock.
    [[nodiscard]] std::uint64_t life() const { return lives * 1'000 + static_cast<std::uint64_t>(jumps); }
    std::uint64_t jumps = 0;
};

/// One life of a program on a machine: a loop and a clock. It is run from outside, one handler at a time; so
/// it can be ended between any two.
class Process {
public:
    Process(Nature& nature, Machine& machine);
    Process(Process const&) = delete;
    Process& operator=(Process const&) = delete;
    virtual ~Process();

    /// Runs what is due of its timers, or else the next handler. False: there was nothing to do.
    bool step();
    /// The program ends itself where this says so, a moment later.
    [[nodiscard]] virtual bool is_over() const { return false; }
    /// An agent's: it has a link on which the server has registered it.
    [[nodiscard]] virtual bool is_registered() const { return false; }

    Nature& nature;
    Machine& machine;
    asio::io_context io{1};
    SimClock clock;
    LinkShared listening{clock}; ///< Of links on which it answers calls; its router is set by the program.
    LinkShared dialing{clock};   ///< Of links on which it only makes calls.
    std::shared_ptr<int> here = std::make_shared<int>(0); ///< Null once it has ended.

protected:
    /// First in a destructor, once disk and network are cut off: whatever still waits unwinds.
    void unwind();

private:
    asio::executor_work_guard<asio::io_context::executor_type> running_;
};

} // namespace elves::sim
