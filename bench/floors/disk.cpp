#include <cerrno>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "floors/floors.hpp"

namespace elves::bench {

CommitRate measure_disk(std::string const& folder, std::chrono::duration<double> length)
{
    using Clock = std::chrono::steady_clock;
    auto const path = folder + "/syncs";
    int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) throw std::system_error(errno, std::generic_category(), path);
    std::string const page(4096, 'x');
    CommitRate rate;
    auto const begun = Clock::now();
    for (auto now = begun; now - begun < length;) {
        if (::write(file, page.data(), page.size()) < 0 || ::fdatasync(file) != 0) {
            throw std::system_error(errno, std::generic_category(), path);
        }
        auto const after = Clock::now();
        rate.latency.add(static_cast<std::uint64_t>((after - now).count()));
        ++rate.rows;
        now = after;
    }
    rate.length = Clock::now() - begun;
    ::close(file);
    return rate;
}

} // namespace elves::bench
