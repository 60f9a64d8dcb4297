#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>

#include "elves/asio.hpp"
#include "elves/ip.hpp"
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
    bool paused = false;              ///< As by SIGSTOP.
    Process* process = nullptr;       ///< Null while it is down.
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

    Nature& nature;
    Machine& machine;
    asio::io_context io{1};
    SimClock clock;
    std::shared_ptr<int> here = std::make_shared<int>(0); ///< Null once it has ended.

protected:
    /// First in a destructor, once disk and network are cut off: whatever still waits unwinds.
    void unwind();

private:
    asio::executor_work_guard<asio::io_context::executor_type> running_;
};

} // namespace elves::sim
