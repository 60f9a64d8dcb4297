#pragma once

#include <boost/asio/io_context.hpp>

namespace elves {

/// The event loop of a program, for one thread.
class EventLoop : public boost::asio::io_context {
public:
    EventLoop() : io_context(1) {}

    /// Destroys, uncalled, every pending handler and what it owns: suspended coroutines above all. For the
    /// end of a program, once the loop no longer runs, so that no coroutine outlives the module or the shared
    /// object that its code and its references come from. Afterwards sockets and timers can be destroyed, and
    /// nothing else.
    void drop_handlers() { shutdown(); }
};

} // namespace elves
