#include "agent/confinement.hpp"

#include <cstdlib>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/worker_environment.hpp"
#include "runner_bench.hpp"

using namespace elves;
using namespace elves::agent;

namespace {

Confinement confinement(std::string const& text)
{
    auto const settings = Settings::parse(text, "agent.conf");
    auto const made = Confinement::read(settings.section("worker"), settings.section("limits"));
    settings.refuse_unknown();
    return made;
}

RunAs run_as(std::string const& lines)
{
    auto const settings = Settings::parse("[run_as]\n" + lines, "agent.conf");
    return RunAs::read(settings.section("run_as"));
}

/// What a worker prints that is held so.
std::string printed(std::string const& script, Runner::Settings settings)
{
    Bench bench(std::move(settings));
    // Another user has to come as far as to the app.
    REQUIRE(::chmod(bench.folder.path().c_str(), 0711) == 0);
    auto const id = bench.run(script + "\n" + yes, "the param");
    auto const file = bench.folder.file("app1/app-worker.sh");
    REQUIRE(::chmod(file.c_str(), 0755) == 0);
    auto const result = bench.result_of(id);
    INFO(result.result << result.stderr_text);
    CHECK(result.flag == 1);
    auto const& all = bench.printed[id];
    return all.substr(0, all.find("<ElvesWFlag>"));
}

std::string printed(std::string const& script, std::string const& conf = "")
{
    Runner::Settings settings;
    settings.confinement = confinement(conf);
    return printed(script, std::move(settings));
}

std::string printed_as_nobody(std::string const& script)
{
    Runner::Settings settings;
    settings.run_as = run_as("user = nobody\n");
    return printed(script, std::move(settings));
}

} // namespace

TEST_CASE("files that a worker makes are its own, or as umask says", "[confinement]")
{
    auto const before = ::umask(022);
    CHECK(printed("umask") == "0077\n");
    CHECK(printed("umask", "[worker]\numask = 027\n") == "0027\n");
    ::umask(before);
    for (std::string const wrong : {"", "8", "1000", "rw", "-1", "00022"})
        CHECK_THROWS_AS(confinement("[worker]\numask = " + wrong + "\n"), SettingsError);
}

TEST_CASE("a worker gets no rights by executing, unless the settings say so", "[confinement]")
{
    auto const script = "grep NoNewPrivs /proc/self/status | cut -f2";
    CHECK(printed(script) == "1\n");
    CHECK(printed(script, "[worker]\nno_new_privs = false\n") == "0\n");
}

TEST_CASE("a worker leads a session of its own", "[confinement]")
{
    // Fields 5 and 6 of stat, behind the name: group and session.
    CHECK(printed("set -- $(sed 's/.*) //' /proc/$$/stat) && [ $3 = $$ ] && [ $4 = $$ ] && echo its own") ==
          "its own\n");
}

TEST_CASE("a worker leaves no core file, and is held in the limits of the settings", "[confinement]")
{
    CHECK(printed("ulimit -Sc; ulimit -Hc") == "0\n0\n");
    CHECK(printed("ulimit -Sn; ulimit -Hn", "[limits]\nfiles = 64\n") == "64\n64\n");
    CHECK(printed("grep 'Max processes' /proc/self/limits | tr -s ' ' | cut -d' ' -f3,4",
              "[limits]\nprocesses = 5000\n") == "5000 5000\n");
    CHECK(printed("ulimit -Sv; ulimit -Hv", "[limits]\nmemory = 1073741824\n") == "1048576\n1048576\n");
    CHECK(printed("ulimit -St; ulimit -Ht", "[limits]\ncpu = 7\n") == "7\n8\n");
    CHECK(printed("ulimit -Sf; ulimit -Hf", "[limits]\nfile_size = 1048576\n") == "2048\n2048\n");
    CHECK(printed("ulimit -Hc", "[limits]\ncore = 512\n") == "1\n");
    CHECK_THROWS_AS(confinement("[limits]\nfiles = 0\n"), SettingsError);
    CHECK_THROWS_AS(confinement("[limits]\nmemory = 1M\n"), SettingsError);
}

TEST_CASE("a worker that uses too much of what is limited ends, and its task with it", "[confinement]")
{
    Runner::Settings settings;
    settings.confinement = confinement("[limits]\ncpu = 1\nfile_size = 4096\n");
    Bench bench(std::move(settings));
    CHECK(bench.result_of(bench.run("while :; do :; done")).result == "died of signal 24 (SIGXCPU)");
    CHECK(bench.result_of(bench.run("exec head -c 5000 /dev/zero > file")).result ==
          "died of signal 25 (SIGXFSZ)");
}

TEST_CASE("an agent that is not root can't give more than it may have", "[confinement]")
{
    if (::geteuid() == 0) return;
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_max >= 1'048'576) return;
    CHECK_THROWS_AS(
        confinement("[limits]\nfiles = " + std::to_string(now.rlim_max + 1) + "\n"), SettingsError);
}

TEST_CASE("a worker's environment is these names and no other", "[confinement]")
{
    ::setenv("LD_PRELOAD_OF_OURS", "x", 1);
    ::setenv("PYTHONPATH", "/nowhere", 1);
    auto names = printed(
        "env | sed 's/=.*//' | grep -v -e ^PWD$ -e ^_$ -e ^SHLVL$ -e ^OLDPWD$ -e ^TZ$ | sort | tr '\\n' ' '");
    ::unsetenv("LD_PRELOAD_OF_OURS");
    ::unsetenv("PYTHONPATH");
    CHECK(
        names ==
        "ELVES_APP ELVES_FUNC ELVES_RESULT_FD ELVES_TASK_ID ELVES_WORKER_GROUP HOME LANG LOGNAME PATH USER ");
}

TEST_CASE("a worker searches absolute folders only", "[confinement]")
{
    std::string const before = std::getenv("PATH");
    ::setenv("PATH", ".:/usr/bin::bin:/bin", 1);
    CHECK(search_path() == "/usr/bin:/bin");
    ::setenv("PATH", ".", 1);
    CHECK(search_path() == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    ::setenv("PATH", before.c_str(), 1);
}

TEST_CASE("with param = input no param is among the arguments", "[confinement]")
{
    auto const script = "tr '\\0' ' ' < /proc/$$/cmdline | grep -o 'app1 fun.*'; base64 -d";
    CHECK(printed(script, Runner::Settings()).find("app1 fun dGhlIHBhcmFt \n") == 0);
    Runner::Settings settings;
    settings.param_by_input = true;
    CHECK(printed(script, std::move(settings)) == "app1 fun - \nthe param");
}

TEST_CASE("workers run as the user that the settings name, with nothing of ours", "[confinement]")
{
    if (::geteuid() != 0) return;
    auto const nobody = WorkerUser::named("nobody");
    REQUIRE(nobody);
    auto const ids = std::to_string(nobody->uid);
    CHECK(printed_as_nobody("grep -E '^Uid' /proc/self/status | tr '\\t' ' '") ==
          "Uid: " + ids + " " + ids + " " + ids + " " + ids + "\n");
    auto const group = std::to_string(nobody->gid);
    CHECK(printed_as_nobody("id -G; grep -E '^Gid' /proc/self/status | tr '\\t' ' '") ==
          group + "\nGid: " + group + " " + group + " " + group + " " + group + "\n");
    CHECK(printed_as_nobody("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f2 | sort -u") ==
          "0000000000000000\n");
    CHECK(printed_as_nobody("echo $USER $LOGNAME $HOME") == "nobody nobody " + nobody->home + "\n");
    CHECK(printed_as_nobody("cat /etc/shadow 2>/dev/null || echo no") == "no\n");
    // The streams can be opened by name, too.
    CHECK(printed_as_nobody("echo by name > /dev/stdout; echo bad > /dev/stderr") == "by name\n");
}

TEST_CASE("one app may run as another user than the rest", "[confinement]")
{
    if (::geteuid() != 0) return;
    auto const users = run_as("user = nobody\napps = backup:daemon, root.app:root\n");
    CHECK(users.user_of("nginx")->name == "nobody");
    CHECK(users.user_of("backup")->name == "daemon");
    CHECK(users.user_of("root.app") == nullptr); // we ourselves
    CHECK(users.others().size() == 2);
    CHECK_FALSE(users.is_open());
    CHECK(run_as("").is_open());
    CHECK(run_as("").user_of("nginx") == nullptr);
    CHECK(run_as("apps = backup:daemon\n").is_open());
}

TEST_CASE("whom nobody can run as is refused at the start", "[confinement]")
{
    CHECK_THROWS_WITH(run_as("user = no.such.user\n"),
        "agent.conf:2: [run_as] user: this machine has no user "
        "\"no.such.user\"; make it (useradd --system), or name another");
    for (std::string const wrong : {"backup", "backup:", ":nobody", "a/b:nobody", "backup:root, backup:root"})
        CHECK_THROWS_AS(run_as("apps = " + wrong + "\n"), SettingsError);
    auto const own = WorkerUser::own();
    CHECK(run_as("user = " + own.name + "\n").user_of("nginx") == nullptr);
    if (::geteuid() == 0) return;
    CHECK_THROWS_AS(run_as("user = root\n"), SettingsError);
}

TEST_CASE("an app that its user may not enter says so", "[confinement]")
{
    if (::geteuid() != 0) return;
    Runner::Settings settings;
    settings.run_as = run_as("user = nobody\n");
    Bench bench(std::move(settings)); // a temporary folder is for its owner only
    CHECK(bench.result_of(bench.run(yes)).result ==
          "[500.1] the worker could not be started as nobody: its folder: Permission denied");
}

TEST_CASE("an app that others could change is not started", "[confinement]")
{
    Bench bench;
    auto const good = bench.run(yes);
    CHECK(bench.result_of(good).flag == 1);
    auto const file = bench.folder.file("app1/app-worker.sh");
    REQUIRE(::chmod(file.c_str(), 0666) == 0);
    CHECK(bench.result_of(bench.run_app("app1")).result ==
          "[401.6] this agent does not start the app \"app1\": " + file +
              " has mode 0666: anybody may change it; chmod o-w " + file);
}
