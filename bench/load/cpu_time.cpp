#include "load/cpu_time.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace elves::bench {

std::chrono::duration<double> cpu_time_of(pid_t process)
{
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    if (process == 0 || !std::getline(file, line)) return {};
    // The second field is a name in brackets, with anything in it; utime and stime are the 14th and 15th.
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    std::string passed_over;
    for (int field = 3; field < 14; ++field) rest >> passed_over;
    double user = 0;
    double system = 0;
    rest >> user >> system;
    return std::chrono::duration<double>((user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

std::chrono::duration<double> own_cpu_time()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto const seconds = [](timeval const& time) {
        return std::chrono::duration<double>(static_cast<double>(time.tv_sec)) +
               std::chrono::duration<double>(static_cast<double>(time.tv_usec) / 1e6);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace elves::bench
