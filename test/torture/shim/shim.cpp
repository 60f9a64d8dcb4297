// For LD_PRELOAD under elvesd and elves-agent: a disk that fails, a death at any write, a clock that jumps.
// Which of it says a file that the test maps (control.hpp). Only the store's file and its -wal and -journal
// are touched.

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "control.hpp"
#include "unsynced.hpp"

namespace elves::shim {

namespace {

constexpr int swallowed = -1;
constexpr std::int64_t ms_a_second = 1'000;
constexpr std::int64_t ns_a_ms = 1'000'000;
constexpr std::int64_t ns_a_second = ms_a_second * ns_a_ms;

Control* map_control()
{
    auto const* const path = std::getenv("ELVES_SHIM_CONTROL");
    int const fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return nullptr;
    auto* const mapped = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return mapped == MAP_FAILED ? nullptr : static_cast<Control*>(mapped);
}

Control* control()
{
    static auto* const mapped = map_control();
    return mapped;
}

std::string const& store()
{
    auto const* const path = std::getenv("ELVES_SHIM_STORE");
    // Never destroyed: threads write until the very end.
    static auto const* const text = new std::string(path == nullptr ? "" : path);
    return *text;
}

bool is_store(std::string const& path)
{
    if (store().empty() || !path.starts_with(store())) return false;
    auto const rest = path.substr(store().size());
    return rest.empty() || rest == "-wal" || rest == "-journal";
}

/// The store's file that is open as `fd`; empty where it is another.
std::string store_file(int fd)
{
    if (control() == nullptr) return {};
    std::string path(4096, '\0');
    auto const link = "/proc/self/fd/" + std::to_string(fd);
    auto const size = ::readlink(link.c_str(), path.data(), path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return is_store(path) ? path : std::string();
}

/// One call on the store. Only one is made at a time; none is after its death.
class Call {
public:
    Call() : lock_(mutex()), number_(++control()->calls)
    {
        if (has(Fate::power) || has(Fate::chance)) unsynced().lose(has(Fate::power), control()->seed);
        if (has(Fate::power) || has(Fate::chance) || has(Fate::before)) die();
    }
    Call(Call const&) = delete;
    Call& operator=(Call const&) = delete;
    ~Call()
    {
        if (has(Fate::after) || has(Fate::torn)) die();
    }

    [[nodiscard]] bool is_torn() const { return has(Fate::torn); }

    /// True where the call is to fail; errno says how.
    [[nodiscard]] bool fails_as_write() const
    {
        return fails(
            has(Fate::error) ? control()->seed % 2 == 1 ? ENOSPC : EIO : control()->fail_writes.load());
    }
    [[nodiscard]] bool fails_as_sync() const
    {
        return fails(has(Fate::error) ? EIO : control()->fail_syncs.load());
    }

    static Unsynced& unsynced()
    {
        static auto* const files = new Unsynced;
        return *files;
    }

private:
    static std::mutex& mutex()
    {
        static auto* const one = new std::mutex;
        return *one;
    }

    [[nodiscard]] bool has(Fate fate) const
    {
        return number_ == control()->at && control()->fate == static_cast<std::int32_t>(fate);
    }

    static bool fails(int code)
    {
        if (code == 0) return false;
        ++control()->failed;
        errno = code;
        return true;
    }

    static void die()
    {
        ::kill(::getpid(), SIGKILL);
        while (true) ::pause();
    }

    std::lock_guard<std::mutex> lock_;
    std::int64_t number_;
};

ssize_t write_at(int fd, void const* data, size_t size, off_t offset)
{
    auto const path = store_file(fd);
    if (path.empty()) return ::syscall(SYS_pwrite64, fd, data, size, offset);
    Call const call;
    if (call.fails_as_write()) return -1;
    Call::unsynced().about_to_write(fd, path, size, offset);
    return ::syscall(SYS_pwrite64, fd, data, call.is_torn() ? size / 2 : size, offset);
}

int cut(int fd, off_t size)
{
    auto const path = store_file(fd);
    if (path.empty()) return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
    Call const call;
    if (call.fails_as_write()) return -1;
    Call::unsynced().about_to_cut(fd, path, size);
    return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int sync(int fd, long number)
{
    auto const path = store_file(fd);
    if (path.empty()) return static_cast<int>(::syscall(number, fd));
    Call const call;
    if (control()->fail_syncs == swallowed) return 0;
    if (call.fails_as_sync()) return -1;
    auto const result = static_cast<int>(::syscall(number, fd));
    if (result == 0) Call::unsynced().synced(path);
    return result;
}

/// Moves a time of day by what the clock is wrong.
void move(timespec& time)
{
    auto const wrong = control() == nullptr ? 0 : control()->clock_ms.load();
    if (wrong == 0) return;
    auto const ns = time.tv_sec * ns_a_second + time.tv_nsec + wrong * ns_a_ms;
    time.tv_sec = ns / ns_a_second;
    time.tv_nsec = ns % ns_a_second;
}

} // namespace

} // namespace elves::shim

extern "C" {

ssize_t pwrite(int fd, void const* data, size_t size, off_t offset)
{
    return elves::shim::write_at(fd, data, size, offset);
}

ssize_t pwrite64(int fd, void const* data, size_t size, off64_t offset)
{
    return elves::shim::write_at(fd, data, size, offset);
}

int ftruncate(int fd, off_t size) noexcept { return elves::shim::cut(fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return elves::shim::cut(fd, size); }
int fsync(int fd) { return elves::shim::sync(fd, SYS_fsync); }
int fdatasync(int fd) { return elves::shim::sync(fd, SYS_fdatasync); }

int unlink(char const* path) noexcept
{
    using namespace elves::shim;
    if (control() == nullptr || !is_store(path)) return static_cast<int>(::syscall(SYS_unlink, path));
    Call const call;
    if (call.fails_as_write()) return -1;
    Call::unsynced().removed(path);
    return static_cast<int>(::syscall(SYS_unlink, path));
}

int clock_gettime(clockid_t clock, timespec* time) noexcept
{
    auto const result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) elves::shim::move(*time);
    return result;
}

int gettimeofday(timeval* time, void*) noexcept
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1'000;
    return 0;
}

time_t time(time_t* at) noexcept
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (at != nullptr) *at = now.tv_sec;
    return now.tv_sec;
}

} // extern "C"
