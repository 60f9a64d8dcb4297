// Measures how long a program's event loop is held: from the return of one epoll_wait to the next call, by
// the processor time of that thread, so that what else runs on the machine does not count. How long the
// thread was not running meanwhile is measured apart: it waited for a processor, or for whoever lends this
// machine its processors. Loaded into the program by LD_PRELOAD; the numbers are in the file that
// ELVES_LOOP_TURNS names, mapped, for bench/loop_turns.py to read while it runs.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

/// As bench/loop_turns.py reads it.
struct Turns {
    std::atomic<std::uint64_t> count;
    std::atomic<std::uint64_t> longest_ns;
    std::atomic<std::uint64_t> over_1ms;
    std::atomic<std::uint64_t> over_5ms;
    std::atomic<std::uint64_t> longest_off_ns; ///< Not running within a turn.
    std::atomic<std::uint64_t> off_ns;         ///< The same in all.
};

Turns* turns()
{
    static Turns* const mapped = []() -> Turns* {
        char const* const path = std::getenv("ELVES_LOOP_TURNS");
        int const file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        if (file < 0) return nullptr;
        void* const at = mmap(nullptr, sizeof(Turns), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        return at == MAP_FAILED ? nullptr : static_cast<Turns*>(at);
    }();
    return mapped;
}

std::uint64_t ns_of(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

thread_local std::uint64_t began = 0;         ///< Of a turn, on the wall's clock; 0: there was none.
thread_local std::uint64_t running_began = 0; ///< The same, on the thread's.

void raise(std::atomic<std::uint64_t>& most, std::uint64_t value)
{
    auto before = most.load();
    while (value > before && !most.compare_exchange_weak(before, value)) {
    }
}

void end_turn()
{
    auto* const to = turns();
    if (!to || began == 0) return;
    auto const took = ns_of(CLOCK_THREAD_CPUTIME_ID) - running_began;
    auto const wall = ns_of(CLOCK_MONOTONIC) - began;
    auto const off = wall > took ? wall - took : 0;
    ++to->count;
    if (took > 1'000'000) ++to->over_1ms;
    if (took > 5'000'000) ++to->over_5ms;
    raise(to->longest_ns, took);
    raise(to->longest_off_ns, off);
    to->off_ns += off;
}

} // namespace

extern "C" int epoll_wait(int epoll, epoll_event* events, int most, int timeout)
{
    using Wait = int (*)(int, epoll_event*, int, int);
    static auto const wait = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, "epoll_wait"));
    end_turn();
    int const count = wait(epoll, events, most, timeout);
    began = ns_of(CLOCK_MONOTONIC);
    running_began = ns_of(CLOCK_THREAD_CPUTIME_ID);
    return count;
}
