#include "agent/runner.hpp"

#include <csignal>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "runner_bench.hpp"

using namespace elves;
using namespace elves::agent;
using namespace std::chrono_literals;

TEST_CASE("a worker's answer comes back", "[runner]")
{
    Bench bench;
    auto const good =
        bench.run("echo log; echo '<ElvesWResult>two\nlines</ElvesWResult>'\n" + std::string(yes));
    auto const result = bench.result_of(good);
    CHECK(result.flag == 1);
    CHECK(result.result == "two\nlines");
    CHECK(result.exit_code == 0);
    CHECK_FALSE(result.truncated);
    CHECK(bench.printed[good].starts_with("log\n<ElvesWResult>two\nlines"));
    CHECK(bench.runner->running() == 0);
    CHECK(bench.clock.waiting() == 0);
}

TEST_CASE("a worker that said true and ended with another status than 0 is not true", "[runner]")
{
    Bench bench;
    auto const good = bench.run(yes + std::string("echo why >&2; exit 3"));
    auto const result = bench.result_of(good);
    CHECK(result.flag == -1);
    CHECK(result.result == "worker ended with exit status 3 after it said true");
    CHECK(result.exit_code == 3);
    CHECK(result.stderr_text == "why\n");
    auto const bad = bench.run("echo '<ElvesWFlag>false</ElvesWFlag><ElvesWResult>no</ElvesWResult>'");
    CHECK(bench.result_of(bad).flag == 0);
    CHECK(bench.result_of(bad).result == "no");
    // One that said false has said so; its status is no news.
    auto const both =
        bench.run("echo '<ElvesWFlag>false</ElvesWFlag><ElvesWResult>no</ElvesWResult>'; exit 1");
    CHECK(bench.result_of(both).flag == 0);
    CHECK(bench.result_of(both).result == "no");
}

TEST_CASE("without a flag the exit status decides, and the result is the output", "[runner]")
{
    Bench bench;
    auto const well = bench.result_of(bench.run("echo all is; echo well"));
    CHECK(well.flag == 1);
    CHECK(well.result == "all is\nwell");
    CHECK_FALSE(well.truncated);
    auto const silent = bench.result_of(bench.run(":"));
    CHECK((silent.flag == 1 && silent.result.empty()));
    auto const said = bench.result_of(bench.run("echo did not work; exit 4"));
    CHECK(said.flag == -1);
    CHECK(said.result == "worker ended with exit status 4; its output ended with: did not work\n");
    CHECK(said.exit_code == 4);
    CHECK(bench.result_of(bench.run("exit 2")).result ==
          "worker ended with exit status 2; its output was empty");
    auto const much = bench.result_of(bench.run("head -c 100000 /dev/zero | tr '\\0' x; echo"));
    CHECK(much.flag == 1);
    CHECK(much.result == std::string(65'536, 'x'));
    CHECK(much.truncated);
}

TEST_CASE("where nothing was printed to stdout the end of stderr says why", "[runner]")
{
    Bench bench;
    auto const result = bench.result_of(bench.run("echo cannot open >&2; exit 2"));
    CHECK(result.flag == -1);
    CHECK(result.exit_code == 2);
    CHECK(result.result == "worker ended with exit status 2; its stderr ended with: cannot open\n");
}

TEST_CASE("the trailing newline goes before the last 65,536 bytes are taken", "[runner]")
{
    Bench bench;
    auto const exact = bench.result_of(bench.run("head -c 65536 /dev/zero | tr '\\0' x; echo"));
    CHECK((exact.flag == 1 && exact.result == std::string(65'536, 'x') && !exact.truncated));
    auto const two = bench.result_of(bench.run("printf 'a\\n\\n'"));
    CHECK((two.flag == 1 && two.result == "a\n"));
    auto const killed = bench.result_of(bench.run(yes + std::string("kill -9 $$")));
    CHECK((killed.flag == -1 && killed.result == "died of signal 9 (SIGKILL)" && killed.exit_code == 137));
}

TEST_CASE("half an answer in a stranger's text does not make a worker true", "[runner]")
{
    Bench bench;
    std::string const stranger = "printf '%s\\n' '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>'\n";
    std::string const no = "echo '<ElvesWFlag>false</ElvesWFlag>'\n";
    std::string const why = "echo '<ElvesWResult>it did not work</ElvesWResult>'\n";
    for (auto const& script : {stranger + no + "exit 1", stranger + no, stranger + no + why,
             stranger + why + no, stranger + "exit 1", why + stranger + no}) {
        INFO(script);
        CHECK(bench.result_of(bench.run(script)).flag != 1);
    }
}

TEST_CASE("a result that comes by its own descriptor counts, whatever is printed", "[runner]")
{
    Bench bench;
    std::string const lie = "echo '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>lie</ElvesWResult>'\n";
    auto const result = [&](std::string const& script) { return bench.result_of(bench.run(script)); };
    auto const no = result(
        lie + "echo '<ElvesWFlag>false</ElvesWFlag><ElvesWResult>no</ElvesWResult>' >&\"$ELVES_RESULT_FD\"");
    CHECK((no.flag == 0 && no.result == "no"));
    auto const plain = result(lie + "echo 'it is so' >&\"$ELVES_RESULT_FD\"");
    CHECK((plain.flag == 1 && plain.result == "it is so"));
    auto const bad = result(lie + "echo 'it is not' >&\"$ELVES_RESULT_FD\"; exit 3");
    CHECK((bad.flag == -1 && bad.result == "worker ended with exit status 3; its result: it is not"));
    // A worker that writes nothing there, or closes it, is read as before.
    CHECK(result(lie + "exec 3>&-").result == "lie");
    // One that leaves it open in a process of another session holds nobody up.
    auto const left = result("setsid sleep 3 >/dev/null 2>&1 &\necho \"child $!\"; echo here >&3; sleep 0.1");
    CHECK((left.flag == 1 && left.result == "here"));
    // More than is kept is read and dropped.
    auto const much = result("head -c 3000000 /dev/zero | tr '\\0' x >&3");
    CHECK((much.flag == 1 && much.truncated && much.result == std::string(1'000'000, 'x')));
}

TEST_CASE("what can't be started is told like any end, and not from within run", "[runner]")
{
    Bench bench;
    auto const no_app = bench.run_app("nosuch");
    CHECK(bench.results.empty());
    CHECK(bench.result_of(no_app).flag == -1);
    CHECK(bench.result_of(no_app).result == "[413.2] this agent has no app \"nosuch\"");
    CHECK(bench.result_of(no_app).exit_code == -1);

    bench.folder.write("broken/app-worker", "#!/no/such/interpreter\n", true);
    auto const broken = bench.run_app("broken");
    CHECK(bench.result_of(broken).flag == -1);
    CHECK(bench.result_of(broken).result ==
          "[500.1] the worker could not be started: its program: No such file or directory");
    CHECK(bench.runner->running() == 0);
}

TEST_CASE(
    "a start that fails for a reason nobody thought of is told too, and leaves nothing running", "[runner]")
{
    struct NoTimers final : Clock {
        [[nodiscard]] Instant now() const override { return {}; }
        [[nodiscard]] Steady steady() const override { return {}; }
        [[nodiscard]] Timer after(std::chrono::milliseconds, std::function<void()>) override
        {
            throw std::length_error("no timers left");
        }
    } clock;
    Bench bench;
    bench.runner.emplace(bench.io, clock, Runner::Settings{bench.folder.path(), {"sh"}});
    auto const id = bench.run("while :; do sleep 1000; done");
    CHECK(bench.result_of(id).result == "[500.1] the worker could not be started: no timers left");
    CHECK(bench.result_of(id).flag == -1);
    CHECK(bench.runner->running() == 0);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("a signal's death is an error, flag or not", "[runner]")
{
    Bench bench;
    auto const killed = bench.run(yes + std::string("kill -9 $$"));
    CHECK(bench.result_of(killed).flag == -1);
    CHECK(bench.result_of(killed).result == "died of signal 9 (SIGKILL)");
    CHECK(bench.result_of(killed).exit_code == 137);
}

TEST_CASE("the param comes as base64, a long one by standard input", "[runner]")
{
    Bench bench;
    std::string const script = "if [ \"$3\" = - ]; then base64 -d; else echo \"$3\" | base64 -d; fi | cksum\n"
                               "echo \"$1 $2\"\n" +
                               std::string(yes);
    std::string const long_param(1'048'576, 'p');
    auto const small = bench.run("echo \"$3\" | base64 -d\n" + std::string(yes), "{\"a\": 1}");
    auto const large = bench.run(script, long_param);
    bench.result_of(small);
    bench.result_of(large);
    CHECK(bench.printed[small].starts_with("{\"a\": 1}"));
    CHECK(bench.printed[large].find(" 1048576\napp2 fun\n") != std::string::npos);
    // One that never reads it is no trouble.
    CHECK(bench.result_of(bench.run(yes, long_param)).flag == 1);
}

TEST_CASE("a worker sees a clean environment, its folder, and no file of ours", "[runner]")
{
    Bench bench;
    ::setenv("ELVES_TEST_SECRET", "x", 1);
    auto const inherited = ::open("/etc/passwd", O_RDONLY); // on purpose without O_CLOEXEC
    REQUIRE(inherited >= 0);
    auto const spare = ::fcntl(inherited, F_DUPFD, 200);
    REQUIRE(spare >= 200);
    auto const id =
        bench.run("env | sort; pwd\nfor fd in /proc/$$/fd/*; do echo \"fd $(readlink $fd)\"; done\n" +
                  std::string(yes));
    bench.result_of(id);
    ::close(inherited);
    ::close(spare);
    ::unsetenv("ELVES_TEST_SECRET");
    auto const& out = bench.printed[id];
    INFO(out);
    CHECK(out.find("ELVES_TASK_ID=0000000000000001\n") != std::string::npos);
    CHECK(out.find("ELVES_APP=app1\n") != std::string::npos);
    CHECK(out.find("ELVES_FUNC=fun\n") != std::string::npos);
    CHECK(out.find("ELVES_RESULT_FD=3\n") != std::string::npos);
    CHECK(out.find("PATH=/") != std::string::npos);
    CHECK(out.find("HOME=/") != std::string::npos);
    CHECK(out.find("SECRET") == std::string::npos);
    CHECK(out.find((bench.folder.path() / "app1").string() + "\n") != std::string::npos);
    CHECK(out.find("fd /dev/null\n") != std::string::npos);
    CHECK(out.find("passwd") == std::string::npos);
    CHECK(out.find("anon_inode") == std::string::npos); // the loop's own
}

TEST_CASE("a worker starts with all signals as they are by default", "[runner]")
{
    Bench bench;
    auto* const before = std::signal(SIGTERM, SIG_IGN);
    auto const id = bench.run("grep -E '^Sig(Ign|Blk)' /proc/self/status | cut -f2\n" + std::string(yes));
    bench.result_of(id);
    std::signal(SIGTERM, before);
    CHECK(bench.printed[id].starts_with("0000000000000000\n0000000000000000\n"));
}

TEST_CASE("at the timeout TERM, after the grace KILL, to the whole group", "[runner]")
{
    Bench bench;
    auto const id = bench.run("trap 'echo TERM' TERM\n"
                              "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1000; done' &\n"
                              "while :; do wait; done",
        "", 7s);
    auto const child = bench.number_printed(id);
    CHECK_FALSE(gone(child));
    bench.clock.advance(6999ms);
    bench.io.poll();
    CHECK(bench.printed[id].find("TERM") == std::string::npos);
    bench.clock.advance(1ms);
    bench.until_printed(id, "TERM");
    CHECK(bench.results.empty());
    bench.clock.advance(4999ms);
    bench.io.poll();
    CHECK(bench.results.empty());
    bench.clock.advance(1ms);
    auto const result = bench.result_of(id);
    CHECK(result.flag == -1);
    CHECK(result.result == "ran out of time after 7 s");
    CHECK(result.exit_code == 137);
    CHECK(result.costtime == 12s);
    bench.until([&] { return gone(child); });
}

TEST_CASE("a worker that takes its TERM has run out of time all the same", "[runner]")
{
    Bench bench;
    auto const id =
        bench.run("trap \"" + std::string("echo '<ElvesWFlag>true</ElvesWFlag>'; exit 0\" TERM\n") +
                  "echo up\nwhile :; do sleep 0.01; done");
    bench.until_printed(id, "up");
    bench.clock.advance(89s);
    CHECK(bench.runner->running() == 1);
    bench.clock.advance(1s);
    CHECK(bench.result_of(id).flag == -1);
    CHECK(bench.result_of(id).result == "ran out of time after 90 s");
    CHECK(bench.result_of(id).exit_code == 0);
    CHECK(bench.clock.waiting() == 0);
}

TEST_CASE("one that ended in time is not late because we looked late", "[runner]")
{
    Bench bench;
    auto const id = bench.run("echo $$\n" + std::string(yes), "", 1s);
    auto const pid = bench.number_printed(id);
    while (!gone(pid)) ::usleep(1000); // without the loop
    bench.clock.advance(1s);
    CHECK(bench.result_of(id).flag == 1);
}

TEST_CASE("a stopped worker is stopped too", "[runner]")
{
    Bench bench;
    auto const id = bench.run("echo $$; kill -STOP $$");
    bench.number_printed(id);
    CHECK(bench.runner->cancel(id));
    CHECK(bench.result_of(id).result == "canceled");
    CHECK(bench.result_of(id).exit_code == 143);
}

TEST_CASE("what a worker leaves behind is killed, and holds nobody up", "[runner]")
{
    Bench bench;
    auto const id = bench.run("sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1000; done' &\n"
                              "while [ ! -e ready ]; do sleep 0.01; done\necho end\n" +
                              std::string(yes));
    auto const child = bench.number_printed(id);
    bench.folder.write("app1/ready", "");
    CHECK(bench.result_of(id).flag == 1);
    CHECK(bench.printed[id].find("end\n<ElvesWFlag>") != std::string::npos);
    bench.until([&] { return gone(child); });
}

TEST_CASE("one that left the group with the pipe in its hands does not hold us up", "[runner]")
{
    Bench bench;
    auto const id = bench.run("setsid sh -c 'echo $$; while :; do echo more 2>/dev/null || exit; done' &\n"
                              "sleep 0.1\n" +
                              std::string(yes));
    auto const stray = bench.number_printed(id);
    auto const result = bench.result_of(id);
    ::kill(-stray, SIGKILL);
    CHECK(result.exit_code == 0);
}

TEST_CASE("after a flood of output its answer is still read", "[runner]")
{
    Bench bench(4, 10'000);
    auto const id =
        bench.run("head -c 3000000 /dev/zero | tr '\\0' x\nhead -c 300000 /dev/zero | tr '\\0' e >&2\n"
                  "echo END >&2\n" +
                  std::string(yes));
    auto const result = bench.result_of(id);
    CHECK(result.flag == 1);
    CHECK(result.truncated);
    CHECK(bench.printed[id] == std::string(3'000'000, 'x') + "<ElvesWFlag>true</ElvesWFlag>\n");
    CHECK(bench.printed_errors[id].size() == 300'004);
    CHECK(result.stderr_text.size() == 65'536);
    CHECK(result.stderr_text.ends_with("eEND\n"));
}

TEST_CASE("output up to the bound is not called cut; a result over it is", "[runner]")
{
    Bench bench(4, 47);
    auto const fits = bench.run("printf '<ElvesWFlag>true</ElvesWFlag>12345678901234567'"); // 44
    auto const cut = bench.run("printf '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>%060d</ElvesWResult>' 7");
    CHECK_FALSE(bench.result_of(fits).truncated);
    auto const result = bench.result_of(cut);
    CHECK(result.truncated);
    CHECK(result.flag == 1);
    CHECK(result.result == std::string(47, '0'));
}

TEST_CASE("what is not UTF-8 becomes U+FFFD, and no character is cut", "[runner]")
{
    Bench bench(4, 6);
    auto const id =
        bench.run("printf 'a\\377\\303'; sleep 0.05; printf '\\274\\342\\202\\254'; printf 'e\\376' >&2\n");
    auto const result = bench.result_of(id);
    CHECK(bench.printed[id] == "a\xEF\xBF\xBD\xC3\xBC\xE2\x82\xAC");
    CHECK(bench.printed_errors[id] == "e\xEF\xBF\xBD");
    CHECK(result.truncated);
    CHECK(result.stderr_text == "e\xEF\xBF\xBD");
    CHECK(result.result == "\xC3\xBC\xE2\x82\xAC"); // the end: whole characters of at most 6 bytes
}

TEST_CASE("so many run at a time, the others wait for their turn", "[runner]")
{
    Bench bench(2);
    auto const wait = "while [ ! -e go ]; do sleep 0.01; done\n" + std::string(yes);
    std::vector<TaskId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(bench.run(wait));
    CHECK(bench.runner->running() == 2);
    CHECK(bench.runner->queued() == 2);
    CHECK_THROWS_AS(bench.runner->run(ids[3], Instruction(), {}, {}), std::logic_error);

    SECTION("in order")
    {
        bench.folder.write("app1/go", "");
        CHECK(bench.result_of(ids[0]).flag == 1);
        CHECK(bench.runner->running() == 2);
        CHECK(bench.runner->queued() == 1);
        for (std::string const app : {"app2", "app3", "app4"}) bench.folder.write(app + "/go", "");
        bench.until([&] { return bench.results.size() == 4; });
    }
    SECTION("a cancel takes one out of the queue")
    {
        CHECK(bench.runner->cancel(ids[2]));
        CHECK(bench.runner->queued() == 1);
        CHECK(bench.results.empty());
        CHECK(bench.result_of(ids[2]).result == "canceled");
        CHECK(bench.result_of(ids[2]).flag == -1);
        CHECK(bench.result_of(ids[2]).exit_code == -1);
        CHECK_FALSE(bench.runner->cancel(ids[2]));
        CHECK_FALSE(bench.runner->cancel(TaskId(99)));
    }
    SECTION("a cancel stops one that runs, and the next one starts")
    {
        CHECK(bench.runner->cancel(ids[0]));
        CHECK(bench.runner->cancel(ids[0]));
        CHECK(bench.result_of(ids[0]).result == "canceled");
        CHECK(bench.runner->running() == 2);
        CHECK(bench.runner->queued() == 1);
    }
    SECTION("a shutdown ends all, and takes no more")
    {
        bench.runner->shutdown();
        bench.until([&] { return bench.results.size() == 4; });
        CHECK(bench.results[ids[0]].exit_code == 143);
        for (auto const id : ids) CHECK(bench.results[id].result == "the agent is shutting down");
        CHECK(bench.result_of(bench.run(yes)).result == "the agent is shutting down");
    }
}

TEST_CASE("a Runner that goes takes its workers with it, without a word", "[runner]")
{
    Bench bench(1);
    auto const id = bench.run("echo $$; while :; do sleep 1000; done");
    bench.run(yes);
    auto const pid = bench.number_printed(id);
    bench.run_app("nosuch");
    bench.runner.reset();
    CHECK(gone(pid));
    bench.io.restart();
    bench.io.run();
    CHECK(bench.results.empty());
    CHECK(bench.clock.waiting() == 0);
}

TEST_CASE("many short workers leave no process and no file behind", "[runner]")
{
    auto const open_files = [] {
        auto const all = std::filesystem::directory_iterator("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    Bench bench(8);
    bench.result_of(bench.run(yes));
    auto const before = open_files();
    for (int i = 0; i < 60; ++i)
        bench.run_app(i % 3 == 0 ? "nosuch" : "app1", std::string(i % 2 == 0 ? 0 : 100'000, 'p'));
    bench.until([&] { return bench.results.size() == 61; });
    CHECK(open_files() == before);
}

TEST_CASE("orphans of workers are reaped, as PID 1 has to, and workers still get their own end", "[runner]")
{
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Runner::Settings settings;
    settings.max_workers = 4;
    settings.reaps_orphans = true;
    Bench bench(std::move(settings));
    std::vector<TaskId> tasks;
    tasks.reserve(4);
    for (int i = 0; i < 4; ++i) {
        tasks.push_back(
            bench.run("for n in 1 2 3 4 5; do setsid sh -c 'exec >&- 2>&- 3>&-; sleep 0.0'$n & done\n"
                      "sleep 0.02; exit " +
                      std::to_string(i)));
    }
    for (int i = 0; i < 4; ++i) CHECK(bench.result_of(tasks[static_cast<std::size_t>(i)]).exit_code == i);
    siginfo_t child{};
    auto const has_children = [&] { return ::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0; };
    for (int tries = 0; tries < 500 && has_children(); ++tries) bench.io.run_for(10ms);
    CHECK_FALSE(has_children());
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}
