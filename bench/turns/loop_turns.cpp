// Measures how long a program's event loop is held: from the return of one epoll_wait to the next call, by
// the processor time of that thread, so that what else runs on the machine does not count. Loaded into the
// program by LD_PRELOAD; the numbers are in the file that ELVES_LOOP_TURNS names, mapped, for
// bench/loop_turns.py to read while it runs.
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

std::uint64_t thread_ns()
{
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

thread_local std::uint64_t turn_began = 0;

void end_turn()
{
    auto* const to = turns();
    if (!to || turn_began == 0) return;
    auto const took = thread_ns() - turn_began;
    ++to->count;
    if (took > 1'000'000) ++to->over_1ms;
    if (took > 5'000'000) ++to->over_5ms;
    auto longest = to->longest_ns.load();
    while (took > longest && !to->longest_ns.compare_exchange_weak(longest, took)) {
    }
}

} // namespace

extern "C" int epoll_wait(int epoll, epoll_event* events, int most, int timeout)
{
    using Wait = int (*)(int, epoll_event*, int, int);
    static auto const wait = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, "epoll_wait"));
    end_turn();
    int const count = wait(epoll, events, most, timeout);
    turn_began = thread_ns();
    return count;
}
