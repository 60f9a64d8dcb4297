#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "agent/runner.hpp"
#include "catch.hpp"
#include "manual_clock.hpp"

using namespace elves;
using namespace elves::agent;

namespace {

/// The apps that are shipped to try things out, run as an agent runs them.
WorkerResult answer_of(std::string app, std::string func, std::string param)
{
    boost::asio::io_context io{1};
    ManualClock clock;
    Runner runner(io, clock, {ELVES_TEST_DATA "/../../etc/apps", {"python3", "sh"}});
    std::optional<WorkerResult> told;
    Instruction instruction;
    instruction.app = std::move(app);
    instruction.func = std::move(func);
    instruction.param = std::move(param);
    runner.run(TaskId(1), instruction, {}, [&](WorkerResult result) { told = std::move(result); });
    for (int tries = 0; !told && tries < 200; ++tries) io.run_one_for(std::chrono::milliseconds(100));
    REQUIRE(told);
    return *told;
}

} // namespace

TEST_CASE("the apps to try things out say hello", "[apptest]")
{
    for (std::string const app : {"apptest", "apptest-sh"}) {
        INFO(app);
        auto const hello = answer_of(app, "helloword", R"({"my":"toryzen"})");
        CHECK(hello.flag == 1);
        CHECK(hello.result == "toryzen");
        // Too long for an argument.
        auto const large =
            answer_of(app, "helloword", R"({"my": "toryzen", "pad": ")" + std::string(200'000, 'x') + "\"}");
        CHECK(large.flag == 1);
        CHECK(large.result == "toryzen");
        auto const bad = answer_of(app, "helloword", "no JSON");
        CHECK(bad.flag == 0);
        CHECK(bad.result.starts_with("give a param like"));
        auto const unknown = answer_of(app, "nosuch", "");
        CHECK(unknown.flag == 0);
        CHECK(unknown.result.starts_with("no function nosuch; there are:"));
    }
}

TEST_CASE("apptest sleeps and fails as asked", "[apptest]")
{
    CHECK(answer_of("apptest", "sleep", "0.1").result == "slept 0.1 s");
    CHECK(answer_of("apptest", "sleep", "nan").flag == 0);
    auto const failed = answer_of("apptest", "fail", "on purpose");
    CHECK(failed.flag == 0);
    CHECK(failed.result == "on purpose");
    CHECK(failed.stderr_text == "this goes to the task's stderr\n");
    CHECK(failed.exit_code == 1);
}
