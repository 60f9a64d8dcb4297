#include "elves/assert.hpp"

#include <array>
#include <csignal>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"

namespace {

struct Ended {
    int status = 0;
    std::string said;
};

/// Runs `work` in a child, and gives how that ended, with what it wrote to stderr.
template <class Work>
Ended in_child(Work work)
{
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    auto const child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL); // Catch's own handler would report a failure.
        work();
        ::_exit(0);
    }
    ::close(ends[1]);
    Ended ended;
    std::array<char, 512> piece{};
    for (ssize_t size = 0; (size = ::read(ends[0], piece.data(), piece.size())) > 0;)
        ended.said.append(piece.data(), static_cast<std::size_t>(size));
    ::close(ends[0]);
    ::waitpid(child, &ended.status, 0);
    return ended;
}

} // namespace

TEST_CASE("an assertion that does not hold says where and what, and aborts the process", "[assert]")
{
    int const links = -1;
    auto const ended = in_child([&] { ELVES_ASSERT(links >= 0, "fewer than none"); });
    CHECK(WIFSIGNALED(ended.status));
    CHECK(WTERMSIG(ended.status) == SIGABRT);
    CHECK(ended.said.find("assertion.failed at=assert_test.cpp:") != std::string::npos);
    CHECK(ended.said.find("condition=links >= 0: fewer than none") != std::string::npos);
}

TEST_CASE("an assertion that holds evaluates its condition once, and does nothing else", "[assert]")
{
    int count = 0;
    ELVES_ASSERT(++count == 1, "counted twice");
    CHECK(count == 1);
}
