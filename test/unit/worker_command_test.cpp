#include "agent/worker_command.hpp"

#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "catch.hpp"
#include "elves/base64.hpp"
#include "elves/error.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::agent;
namespace fs = std::filesystem;

namespace {

struct Apps {
    TempFolder folder;
    WorkerRules rules;

    Apps()
    {
        folder.write("bin/python3", "", true);
        folder.write("bin/sh", "", true);
        folder.write("bin/perl", ""); // not executable
        folder.write("apps/py/app-worker.py", "");
        folder.write("apps/py/app-worker.sh", "");
        folder.write("apps/sh/app-worker.sh", "");
        folder.write("apps/own/app-worker", "", true);
        folder.write("apps/own/tools/check", "", true);
        folder.write("apps/own/tools/plain", "");
        folder.write("apps/other/secret.sh", "");
        fs::create_directory(folder.path() / "apps/empty");
        rules = {folder.path() / "apps", {"python3", "sh", "perl", "ruby"}, "relative:" + at("bin")};
    }

    [[nodiscard]] std::string at(std::string const& name) const { return (folder.path() / name).string(); }
    [[nodiscard]] WorkerCommand command(std::string app, std::string proxy, std::string param = "x") const
    {
        Instruction instruction;
        instruction.app = std::move(app);
        instruction.func = "helloword";
        instruction.param = std::move(param);
        instruction.proxy = std::move(proxy);
        return worker_command(instruction, rules);
    }
    [[nodiscard]] std::string refusal(std::string app, std::string proxy) const
    {
        try {
            auto const made = command(std::move(app), std::move(proxy));
            return "allowed: " + made.program.string();
        } catch (Error const& refused) {
            return refused.info();
        }
    }
};

} // namespace

TEST_CASE("without a file the app's own entry runs, in the app's folder", "[worker-command]")
{
    Apps const apps;
    auto const py = apps.command("py", "");
    CHECK(py.program == apps.at("bin/python3"));
    CHECK(py.argv ==
          std::vector<std::string>{"python3", apps.at("apps/py/app-worker.py"), "py", "helloword", "eA=="});
    CHECK(py.folder == apps.at("apps/py"));
    CHECK(py.input.empty());
    CHECK(apps.command("sh", "").program == apps.at("bin/sh"));
    auto const own = apps.command("own", "");
    CHECK(own.program == apps.at("apps/own/app-worker"));
    CHECK(own.argv == std::vector<std::string>{apps.at("apps/own/app-worker"), "own", "helloword", "eA=="});
}

TEST_CASE("a file runs by itself or by an allowed interpreter", "[worker-command]")
{
    Apps apps;
    CHECK(apps.command("own", "tools/check").program == apps.at("apps/own/tools/check"));
    auto const plain = apps.command("own", "sh|tools/plain");
    CHECK(plain.program == apps.at("bin/sh"));
    CHECK(plain.argv.at(1) == apps.at("apps/own/tools/plain"));
    apps.rules.interpreters = {apps.at("bin/python3")};
    CHECK(apps.command("py", "").program == apps.at("bin/python3"));
    CHECK(apps.command("own", "python3|tools/plain").program == apps.at("bin/python3"));
    CHECK(apps.command("own", apps.at("bin/python3") + "|tools/plain").program == apps.at("bin/python3"));
}

TEST_CASE("what can't run is refused with the reason", "[worker-command]")
{
    Apps const apps;
    struct Row {
        std::string app;
        std::string proxy;
        std::string said;
    };
    auto const proxy = std::string("[403.10] `ins.proxy`: ");
    for (auto const& row : std::vector<Row>{
             {"nosuch", "", "[413.2] this agent has no app \"nosuch\""},
             {"..", "", "[403.3] `ins.app` is no name"},
             {"", "", "[403.3] `ins.app` is no name"},
             {"a/b", "", "[403.3] `ins.app` is no name"},
             {"empty", "",
                 proxy + "the app has neither app-worker.py nor app-worker.sh nor an executable app-worker: "
                         "name its file"},
             {"own", "nosuch", proxy + "the app has no file \"nosuch\""},
             {"own", "tools", proxy + "\"tools\" is not a file"},
             {"own", "tools/plain",
                 proxy + "the file \"tools/plain\" is not executable; make it so, or say "
                         "`interpreter|file`"},
             {"own", "bash|tools/plain", proxy + "\"bash\" is not among the agent's interpreters"},
             {"own", "/bin/sh|tools/plain", proxy + "\"/bin/sh\" is not among the agent's interpreters"},
             {"own", "|tools/plain", proxy + "\"\" is not among the agent's interpreters"},
             {"own", "perl|tools/plain", proxy + "the interpreter \"perl\" is not installed on this machine"},
             {"own", "ruby|tools/plain", proxy + "the interpreter \"ruby\" is not installed on this machine"},
             {"own", "sh|", proxy + "the file \"\" is no relative path inside the app's folder"},
             {"own", "sh|-c", proxy + "the file \"-c\" is no relative path inside the app's folder"},
             {"own", "sh|/etc/passwd",
                 proxy + "the file \"/etc/passwd\" is no relative path inside the app's folder"},
             {"own", "sh|../other/secret.sh",
                 proxy + "the file \"../other/secret.sh\" is outside the app's folder"},
             {"own", "sh|.", proxy + "\".\" is not a file"},
         }) {
        INFO(row.app << ": " << row.proxy);
        CHECK(apps.refusal(row.app, row.proxy) == row.said);
    }
}

TEST_CASE("links are followed, and lead nowhere out of the app's folder", "[worker-command]")
{
    Apps apps;
    auto const own = apps.folder.path() / "apps/own";
    fs::create_symlink("tools/plain", own / "inside");
    fs::create_symlink("../other/secret.sh", own / "outside");
    fs::create_directory_symlink("../other", own / "folder");
    fs::create_symlink("nowhere", own / "dangling");
    fs::create_symlink("round", own / "round");
    // A neighbour whose name begins with ours.
    apps.folder.write("apps/own2/app-worker.sh", "");
    fs::create_symlink("../own2/app-worker.sh", own / "neighbour");

    CHECK(apps.command("own", "sh|inside").argv.at(1) == apps.at("apps/own/tools/plain"));
    for (std::string const name : {"outside", "folder/secret.sh", "neighbour"})
        CHECK(apps.refusal("own", "sh|" + name) ==
              "[403.10] `ins.proxy`: the file \"" + name + "\" is outside the app's folder");
    for (std::string const name : {"dangling", "round"})
        CHECK(apps.refusal("own", "sh|" + name) ==
              "[403.10] `ins.proxy`: the app has no file \"" + name + "\"");

    // The default entry is no way out either.
    fs::create_symlink("../other/secret.sh", apps.folder.path() / "apps/empty/app-worker.sh");
    CHECK(apps.refusal("empty", "") ==
          "[403.10] `ins.proxy`: the file \"app-worker.sh\" is outside the app's folder");
}

TEST_CASE("an app's folder may be a link to a version of it", "[worker-command]")
{
    Apps const apps;
    apps.folder.write("apps/.versions/7/app-worker.sh", "");
    fs::create_directory_symlink(".versions/7", apps.folder.path() / "apps/linked");
    auto const command = apps.command("linked", "");
    CHECK(command.folder == apps.at("apps/.versions/7"));
    CHECK(command.argv.at(1) == apps.at("apps/.versions/7/app-worker.sh"));
    apps.folder.write("elsewhere/app-worker.sh", "");
    fs::create_directory_symlink("../elsewhere", apps.folder.path() / "apps/outside");
    CHECK(apps.refusal("outside", "").starts_with("[413.2]"));
}

TEST_CASE(
    "an interpreter that others could change, or have another found for, is not started", "[worker-command]")
{
    Apps apps;
    auto const mode = [](std::string const& path, mode_t bits) { REQUIRE(::chmod(path.c_str(), bits) == 0); };
    auto const refused = [&](std::string const& path, std::string const& bits) {
        return "[401.6] this agent does not start the app \"py\": " + path + " has mode " + bits +
               ": anybody may change it; chmod o-w " + path;
    };
    auto const python = apps.at("bin/python3");
    mode(python, 0707);
    CHECK(apps.refusal("py", "") == refused(python, "0707"));
    apps.rules.interpreters = {python};
    CHECK(apps.refusal("py", "") == refused(python, "0707"));
    mode(python, 0700);
    CHECK(apps.command("py", "").program == python);

    // Whose folder a link is in says where it leads.
    fs::create_directory(apps.at("links"));
    fs::create_symlink("../bin/python3", apps.at("links/python3"));
    apps.rules = {apps.rules.apps, {"python3"}, apps.at("links")};
    CHECK(apps.command("py", "").program == python);
    CHECK(apps.command("py", "").argv.front() == "python3");
    mode(apps.at("links"), 0757);
    CHECK(apps.refusal("py", "") == refused(apps.at("links"), "0757"));
    mode(apps.at("links"), 0755);
    fs::create_directory(apps.at("between"));
    fs::rename(apps.at("links/python3"), apps.at("between/python3"));
    fs::create_symlink("../between/python3", apps.at("links/python3"));
    CHECK(apps.command("py", "").program == python);
    mode(apps.at("between"), 01777);
    CHECK(apps.refusal("py", "") == refused(apps.at("between"), "1777"));
}

TEST_CASE("a param over 90,000 bytes goes by standard input", "[worker-command]")
{
    Apps const apps;
    CHECK(apps.command("sh", "", "").argv.back().empty());
    auto const longest = apps.command("sh", "", std::string(90'000, 'p'));
    CHECK(longest.argv.back().size() == 120'000);
    CHECK(longest.input.empty());
    auto const longer = apps.command("sh", "", std::string(90'001, 'p'));
    CHECK(longer.argv.back() == "-");
    CHECK(longer.input == base64(std::string(90'001, 'p')));
}

TEST_CASE("an app with a manifest runs what that says for the function, and nothing else", "[worker-command]")
{
    Apps apps;
    apps.folder.write("apps/own/app-worker.sh", "");
    apps.folder.write("apps/own/app.json", R"({"functions": {
        "helloword": {"file": "tools/plain", "interpreter": "sh"}}})");
    auto const command = apps.command("own", "");
    CHECK(command.program == apps.at("bin/sh"));
    CHECK(command.argv ==
          std::vector<std::string>{"sh", apps.at("apps/own/tools/plain"), "own", "helloword", "eA=="});
    CHECK(
        apps.refusal("own", "tools/check") ==
        "[403.10] `ins.proxy`: the app \"own\" has an app.json, which says what each function runs; leave it "
        "out");
    auto const with = [&](std::string const& function) {
        apps.folder.write("apps/own/app.json", "{\"functions\":{" + function + "}}");
        return apps.refusal("own", "");
    };
    CHECK(with(R"("helloword":{"file":"tools/check"})").starts_with("allowed: "));
    CHECK(with(R"("other":{"file":"tools/check"})").starts_with("[403.7] `ins.func` is \"helloword\""));
    CHECK(with(R"("helloword":{"file":"tools/check","params":"none"})").starts_with("[403.2] `ins.param`"));
    std::string const where = "[403.10] app.json, functions.helloword: ";
    CHECK(with(R"("helloword":{"file":"tools/plain"})") ==
          where + "the file \"tools/plain\" is not executable; make it so, or give it an `interpreter`");
    CHECK(with(R"("helloword":{"file":"../other/secret.sh","interpreter":"sh"})") ==
          where + "the file \"../other/secret.sh\" is outside the app's folder");
    CHECK(with(R"("helloword":{"file":"/bin/sh"})") ==
          where + "the file \"/bin/sh\" is no relative path inside the app's folder");
    CHECK(with(R"("helloword":{"file":"nosuch"})") == where + "the app has no file \"nosuch\"");
    CHECK(with(R"("helloword":{"file":"tools/plain","interpreter":"bash"})") ==
          where + "\"bash\" is not among the agent's interpreters");
    CHECK(with(R"("helloword":5)").starts_with("[403.3] " + apps.at("apps/own/app.json") + " is invalid: "));
}

TEST_CASE("a function that needs it runs only where allow names it", "[worker-command]")
{
    Apps apps;
    apps.folder.write(
        "apps/own/app.json", R"({"functions": {"helloword": {"file": "tools/check", "needs_allow": true}}})");
    std::string const refused =
        "[401.6] this agent's own settings do not name own.helloword, and its app.json "
        "demands that: add \"own.helloword\" to `allow` in section [agent] of this "
        "host's agent.conf";
    CHECK(apps.refusal("own", "") == refused);
    apps.rules.run_rules = RunRules(std::vector<std::string>{"*"}, {}, false);
    CHECK(apps.refusal("own", "") == refused);
    apps.rules.run_rules = RunRules(std::vector<std::string>{"*", "own.hello*"}, {}, false);
    CHECK(apps.refusal("own", "").starts_with("allowed: "));
}

TEST_CASE("a name that a worker might take for an option becomes none of its arguments", "[worker-command]")
{
    Apps const apps;
    Instruction instruction;
    instruction.app = "own";
    instruction.func = "-c";
    CHECK_THROWS_WITH(worker_command(instruction, apps.rules), "`ins.func` is no name");
    CHECK(apps.refusal("-own", "") == "[403.3] `ins.app` is no name");
}
