#include "agent/run_rules.hpp"

#include "catch.hpp"

using namespace elves;
using namespace elves::agent;

namespace {

RunRules rules(std::string const& lines)
{
    return RunRules::read(Settings::parse("[agent]\n" + lines, "agent.conf").section("agent"));
}

/// "" where it may run.
std::string refusal(std::string const& lines, std::string app, std::string func, std::string proxy = "")
{
    auto const settings = Settings::parse("[agent]\n" + lines, "agent.conf");
    Instruction ins;
    ins.app = std::move(app);
    ins.func = std::move(func);
    ins.proxy = std::move(proxy);
    return RunRules::read(settings.section("agent")).refusal(ins).value_or("");
}

} // namespace

TEST_CASE("without rules every function may run, but no file that the server names", "[run-rules]")
{
    CHECK(refusal("", "nginx", "stop").empty());
    CHECK_FALSE(refusal("", "nginx", "stop", "sh|other.sh").empty());
    CHECK(refusal("proxy = true\n", "nginx", "stop", "sh|other.sh").empty());
}

TEST_CASE("allow names all that may run, deny wins over it", "[run-rules]")
{
    std::string const lines = "allow = nginx.*, apptest, db.back*\ndeny = *.danger*, nginx.stop\n";
    CHECK(refusal(lines, "nginx", "reload").empty());
    CHECK(refusal(lines, "apptest", "helloword").empty());
    CHECK(refusal(lines, "db", "backup").empty());
    CHECK(refusal(lines, "db", "restore") ==
          "this agent's own settings do not allow db.restore ([agent] allow)");
    CHECK(refusal(lines, "nginx2", "reload") ==
          "this agent's own settings do not allow nginx2.reload ([agent] allow)");
    CHECK(refusal(lines, "nginx", "stop") == "this agent's own settings deny nginx.stop ([agent] deny)");
    CHECK(refusal(lines, "apptest", "dangerous") ==
          "this agent's own settings deny apptest.dangerous ([agent] deny)");
    CHECK(refusal("deny = nginx\n", "nginx", "reload").starts_with("this agent's own settings deny"));
    CHECK(refusal("deny = nginx\n", "apache", "reload").empty());
    CHECK(refusal("deny = *\n", "apptest", "helloword").starts_with("this agent's own settings deny"));
}

TEST_CASE(
    "a name with a dot is one function where it allows, and that and an app where it denies", "[run-rules]")
{
    CHECK(refusal("allow = my.app\n", "my", "app").empty());
    CHECK_FALSE(refusal("allow = my.app\n", "my.app", "run").empty());
    CHECK(refusal("allow = my.app.*\n", "my.app", "run").empty());
    CHECK_FALSE(refusal("deny = my.app\n", "my", "app").empty());
    CHECK_FALSE(refusal("deny = my.app\n", "my.app", "run").empty());
    CHECK(refusal("deny = my.app\n", "my", "other").empty());
}

TEST_CASE(
    "allow names what it says by the app's own name, not what a glob of apps lets through", "[run-rules]")
{
    Instruction ins;
    ins.app = "shell";
    ins.func = "run";
    for (std::string const named : {"shell", "shell.run", "shell.*", "shell.r?n", "apptest, shell"})
        CHECK(rules("allow = " + named + "\n").is_named(ins));
    for (std::string const not_named : {"*", "sh*", "*.run", "shel?.run", "shell.script", "other"})
        CHECK_FALSE(rules("allow = " + not_named + "\n").is_named(ins));
    CHECK_FALSE(rules("").is_named(ins));
    CHECK_FALSE(RunRules().is_named(ins));
    ins.app = "my.app";
    CHECK(rules("allow = my.app.*\n").is_named(ins));
    CHECK_FALSE(rules("allow = my.app\n").is_named(ins));
}

TEST_CASE("a file that the server names is refused with the setting that would allow it", "[run-rules]")
{
    CHECK(refusal("allow = nginx.status\n", "nginx", "status", "sh|stop.sh") ==
          "`ins.proxy` is \"sh|stop.sh\", and this agent runs each app by its own entry only: leave "
          "`ins.proxy` "
          "out, or set `proxy = true` in section [agent] of this host's agent.conf ([agent] proxy)");
    for (std::string const lines : {"deny = nginx.stop\n", "proxy = false\n", ""})
        CHECK_THAT(refusal(lines, "nginx", "status", "stop"), Catch::Contains("[agent] proxy"));
    CHECK(refusal("allow = nginx.status\nproxy = true\n", "nginx", "status", "sh|stop.sh").empty());
}

TEST_CASE("a rule that fits nothing is refused at the start, not left to deny nothing", "[run-rules]")
{
    for (std::string const wrong : {"nginx:*", "nginx/stop", "ngin[xy]", "nginx stop", "!nginx"}) {
        CHECK_THROWS_AS(rules("deny = " + wrong + "\n"), SettingsError);
        CHECK_THROWS_AS(rules("allow = " + wrong + "\n"), SettingsError);
    }
    CHECK_THROWS_WITH(rules("deny = nginx:*\n"), "agent.conf:2: [agent] deny: \"nginx:*\" fits no app and no "
                                                 "function; give names of apps, or globs (* and ?) "
                                                 "of app.func, such as nginx.re*");
}

TEST_CASE("a rule without its app or its function is refused at the start, too", "[run-rules]")
{
    for (std::string const wrong : {"demo.", ".demo", "*.", ".*", ".", "demo.run."}) {
        CHECK_THROWS_AS(rules("deny = apptest, " + wrong + "\n"), SettingsError);
        CHECK_THROWS_AS(rules("allow = " + wrong + "\n"), SettingsError);
    }
    CHECK_THROWS_WITH(rules("deny = demo.\n"), "agent.conf:2: [agent] deny: \"demo.\" begins or ends with a "
                                               "dot, so there is no app or no function in "
                                               "it; give the app alone, or app.func, such as demo or demo.*");
    CHECK_THROWS_WITH(rules("allow = .demo\n"), Catch::Contains("[agent] allow: \".demo\" begins or ends"));
    CHECK_NOTHROW(rules("deny = demo.run.*, *.*, demo\n"));
}
