#include "agent/leftover_groups.hpp"

#include <atomic>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "core/file_text.hpp"

using namespace elves;
using namespace elves::agent;

TEST_CASE("processes that end while leftovers are looked for are no error", "[agent]")
{
    // Each is there for a moment: it is found in /proc, and gone when it is read.
    std::atomic<bool> is_over = false;
    std::thread busy([&is_over] {
        while (!is_over) {
            auto const child = ::fork();
            if (child == 0) ::_exit(0);
            if (child > 0) ::waitpid(child, nullptr, 0);
        }
    });
    std::vector<TaskId> const tasks{TaskId(1)};
    for (int i = 0; i < 50; ++i) CHECK(kill_leftover_groups(tasks) == 0);
    is_over = true;
    busy.join();
}

TEST_CASE("what can't be read of a file is no exception", "[core]")
{
    CHECK(file_text("/proc/self") == ""); // a folder: it opens, and can't be read
    CHECK(file_text("/no/such/file") == "");
    CHECK(file_text("/proc/self/comm") != "");
}
