#include "elves/caller.hpp"

#include "catch.hpp"
#include "elves/instruction.hpp"
#include "support/some_key.hpp"

using namespace elves;

TEST_CASE("a key's apps are names, or globs of app.func", "[caller]")
{
    Key key = *some_key(Role::operator_);
    key.apps = {"backup", "nginx.re*", "db?.dump"};
    auto const may = [&](std::string const& app, std::string const& func) {
        Instruction ins;
        ins.app = app;
        ins.func = func;
        return key.may_run(ins);
    };
    CHECK(may("backup", "full"));
    CHECK_FALSE(may("backup2", "full"));
    CHECK((may("nginx", "reload") && may("nginx", "restart")));
    CHECK_FALSE(may("nginx", "stop"));
    CHECK_FALSE(may("xnginx", "reload"));
    CHECK(may("db1", "dump"));
    CHECK_FALSE((may("db12", "dump") || may("db1", "drop")));
    CHECK((may("nginx", "re.all") && !may("nginx.re", "all") && !may("nginx.reload", "now")));
    key.apps = {"a.b.*", "c.d", "*stop*"};
    CHECK((may("a.b", "c") && !may("a", "b.c")));
    CHECK((may("c", "d") && !may("c.d", "any") && !may("c", "d.e")));
    CHECK((may("x", "stop") && may("stopper", "x") && !may("x", "y")));
    key.apps = {"backup", "nginx.re*", "db?.dump"};
    CHECK((key.may_use("nginx") && key.may_use("db1") && key.may_use("backup")));
    CHECK_FALSE(key.may_use("other"));
}

TEST_CASE("an entry with a dot is one function, and an app with a dot in its name is told apart", "[caller]")
{
    struct Row {
        std::string entry, app, func;
        bool is_covered;
    };
    for (auto const& row :
        {Row{"a.b", "a", "b", true}, Row{"a.b", "a.b", "run", false}, Row{"a.b.*", "a.b", "run", true},
            Row{"a.b.*", "a", "b", false}, Row{"a.b.*", "a", "b.run", false}, Row{"a.b.c", "a.b", "c", true},
            Row{"a.b.c", "a", "b.c", false}, Row{"a.b.c", "a.b.c", "run", false}, Row{"a", "a", "b", true},
            Row{"a", "a.b", "run", false}, Row{"a*", "a.b", "run", true}, Row{"a.*", "a.b", "run", false},
            Row{"a?b.run", "a.b", "run", true}, Row{"*", "a.b", "run", true},
            Row{"*.run", "a.b", "run", true}, Row{"*run", "a.b", "run", true}}) {
        INFO(row.entry << " on " << row.app << " " << row.func);
        Key key = *some_key(Role::operator_);
        key.apps = {row.entry};
        Instruction ins;
        ins.app = row.app;
        ins.func = row.func;
        CHECK(key.may_run(ins) == row.is_covered);
        // Whoever may run one of its functions may use the app.
        if (row.is_covered) CHECK(key.may_use(row.app));
    }
    Key key = *some_key(Role::operator_);
    key.apps = {"a.b"};
    CHECK((key.may_use("a") && !key.may_use("a.b")));
    CHECK_THROWS_WITH((Caller{nullptr, std::make_shared<Key const>(key)}.require_app("a.b")),
        Catch::EndsWith("the app itself is written \"a.b.*\""));
    key.apps = {"a.b.*"};
    CHECK((!key.may_use("a") && key.may_use("a.b")));
    key.apps = {"*stop"};
    CHECK(key.may_use("nginx"));
    key.apps = {"b?c"}; // matches b.c
    CHECK((key.may_use("b") && !key.may_use("bc") && !key.may_use("nginx")));
    key.apps = {"a."};
    CHECK_FALSE(key.may_use("a"));
}

TEST_CASE("only a key with the right `files` names the file that runs", "[caller]")
{
    Key key = *some_key(Role::operator_);
    key.apps = {"ops.stat*"};
    Instruction ins;
    ins.app = "ops";
    ins.func = "status";
    auto const require = [&] { Caller{nullptr, std::make_shared<Key const>(key)}.require_run(ins); };
    CHECK_NOTHROW(require());
    ins.proxy = "sh|tools/wipe.sh";
    CHECK_THROWS_WITH(require(), Catch::Contains("`ins.proxy` is \"sh|tools/wipe.sh\"") &&
                                     Catch::Contains("0123456789ABCDEF does not have the right `files`"));
    key.files = true;
    CHECK_NOTHROW(require());
    key.files = false;
    for (auto const role : {Role::admin, Role::agent}) {
        key.role = role;
        CHECK_NOTHROW(require());
    }
    CHECK_NOTHROW(Caller().require_run(ins));
}

TEST_CASE("who is refused a record hears nothing of what is in it", "[caller]")
{
    Key key = *some_key(Role::operator_, {"10.0.0.1"});
    key.apps = {"nginx.re*"};
    Caller const caller{nullptr, std::make_shared<Key const>(key)};
    Instruction ins;
    ins.app = "nginx";
    ins.func = "reload";
    auto const here = Ip::parse("10.0.0.1").value();
    CHECK_NOTHROW(caller.require_record("task 1", here, ins));
    CHECK_NOTHROW(Caller().require_record("task 1", here, ins));
    auto const refused = Catch::Equals("key 0123456789ABCDEF has no rights on task 1");
    CHECK_THROWS_WITH(caller.require_record("task 1", Ip::parse("10.0.0.2").value(), ins), refused);
    ins.func = "stop";
    CHECK_THROWS_WITH(caller.require_record("task 1", here, ins), refused);
}
