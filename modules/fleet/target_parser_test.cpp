#include "target.hpp"

#include "catch.hpp"
#include "elves/error.hpp"

using namespace elves;

namespace {

Target::Labels const labels{"env", "role"};

std::string refusal(std::string const& text, Target::Labels const* known = &labels)
{
    try {
        static_cast<void>(Target::parse(text, known));
    } catch (Error const& error) {
        return error.info();
    }
    return {};
}

std::string nested(int depth) { return std::string(depth, '(') + "all" + std::string(depth, ')'); }

} // namespace

TEST_CASE("every form of a target is read", "[fleet]")
{
    for (auto const* const text : {"all", " all\t", "(all)", "not all", "not(all)", "not not all", "10.0.0.1",
             "fd00::1", "10.0.0.0/8", "10.1.2.3/8", "fd00::/8", "10.0.0.1-10.0.0.9", "10.0.0.1 - 10.0.0.9",
             "10.0.0.1- 10.0.0.9", "10.0.0.1\n-10.0.0.9", "fd00::1-fd00::9", "@web", "@a.b_c-1", "web-1",
             "web1.example.org", "\"all\"", "\"app.x\"", "\"a\\\"b\\\\c\"", "run:A49B1E8FA1B43BC5",
             "run:a49b1e8fa1b43bc5:failed", "run:A49B1E8FA1B43BC5:held", "env=prod", "env = prod",
             "env!=prod", "env~p*", "env !~ p*", "env=a=b", "env=!b", "env=\"\\\"\"", "env in (prod,test)",
             "env in(prod , \"a b\")", "env in ( prod )", "has env", "has seen", "not has env",
             "has app.nginx", "has fact.rack", "ip=10.0.0.1", "ip<10.0.0.1", "ip in (10.0.0.1,fd00::1)",
             "os=Windows", "status=ONLINE", "status in (online,unknown)", "status~o*", "seen<1h", "seen>=7d",
             "seen<999999999s", "agent<1.2~rc1", "app.nginx>=1.10", "app.nginx in (1,2)", "fact.rack=r12",
             "sn=1", "idc=a", "main_cat=a", "sub_cat=a", "app_info=a", "manager=a", "asset=x",
             "env=prod and role=db and has idc", "env=prod or role=db",
             "(env=prod or role=db) and not @canary", "env=andy", "env=\"and\"", "env=and"}) {
        CAPTURE(text);
        CHECK(refusal(text).empty());
    }
    CHECK(refusal(nested(16)).empty());
}

TEST_CASE("a target that is none is refused with its column", "[fleet]")
{
    struct Row {
        char const* text;
        char const* column;
    };
    for (auto const& row : {Row{"env", "column 4"}, {"all all", "column 5"}, {"(all", "column 5"},
             {"all)", "column 4"}, {"()", "column 2"}, {"not", "column 4"}, {"and all", "column 1"},
             {"all and", "column 8"}, {"all AND all", "column 5"}, {"evn=prod", "column 1"},
             {"env==prod", "column 5"}, {"env=~prod", "column 5"}, {"env= =prod", "column 6"},
             {"env=", "column 5"}, {"env=\"\"", "column 5"}, {"env=a\"b", "column 6"},
             {"env=\"a", "column 7"}, {"env=\"a\"b", "column 8"}, {"env=\"\\n\"", "column 6"},
             {"env=\"a\"=b", "column 8"}, {"env<prod", "column 4"}, {"os<1", "column 3"},
             {"ip~10.*", "column 3"}, {"ip=10.0.0.0/8", "column 4"}, {"ip=x", "column 4"},
             {"seen=1h", "column 5"}, {"seen<1", "column 6"}, {"seen<1h30m", "column 6"},
             {"seen<1w", "column 6"}, {"seen<-1h", "column 6"}, {"seen<1234567890s", "column 6"},
             {"seen in (1h)", "column 6"}, {"status=up", "column 8"}, {"status in (online,up)", "column 19"},
             {"env in prod", "column 8"}, {"env in ()", "column 9"}, {"env in (a,)", "column 11"},
             {"env in (a b)", "column 11"}, {"env in (a", "column 10"}, {"env~[a", "column 5"},
             {"env~a[]", "column 6"}, {"env~\"[a\"", "column 6"}, {"has", "column 4"},
             {"has evn", "column 5"}, {"10.0.0", "column 1"}, {"300.0.0.1", "column 1"},
             {"10.0.0.1/33", "column 1"}, {"::g", "column 1"}, {"10.0.0.9-10.0.0.1", "column 10"},
             {"10.0.0.1-fd00::1", "column 10"}, {"10.0.0.1-x", "column 10"}, {"10.0.0.1-", "column 10"},
             {"@", "column 1"}, {"@Web", "column 1"}, {"@ web", "column 1"}, {"a\"b", "column 2"},
             {"app.x", "column 6"}, {"fact.x and all", "column 7"}, {"os", "column 3"},
             {"run:A49B1E8FA1B43BC5:up", "column 1"}, {"web1,web2", "column 5"}, {"=x", "column 1"},
             {"env=a\x01"
              "b",
                 "column 6"},
             {"ü=x", "column 1"}, {"\"ü\" x", "column 5"}, {"not=x", "column 4"},
             {"env!prod and", "column 13"}}) {
        CAPTURE(row.text);
        auto const info = refusal(row.text);
        CAPTURE(info);
        CHECK(info.starts_with("[403.11] `target` " + std::string(row.column) + ": "));
    }
    for (auto const* const text : {"", "  ", "\t\n"}) CHECK(refusal(text).starts_with("[403.11]"));
    CHECK(refusal("run:X").starts_with("[403.9]"));
    CHECK(refusal("run:").starts_with("[403.9]"));
}

TEST_CASE("a mix of and and or without parentheses is refused with both readings", "[fleet]")
{
    auto const info = refusal("env=a and role=b or all");
    CHECK(info.find("(env=a and role=b) or all") != std::string::npos);
    CHECK(info.find("env=a and (role=b or all)") != std::string::npos);
    CHECK(refusal("env=a or role=b and all").starts_with("[403.11]"));
    CHECK(refusal("env=a or (role=b and all)").empty());
}

TEST_CASE("an unknown field is refused with the nearest one; a stored target keeps its labels", "[fleet]")
{
    CHECK(refusal("evn=prod").find("did you mean env?") != std::string::npos);
    CHECK(refusal("statsu=online").find("did you mean status?") != std::string::npos);
    CHECK(refusal("gone=1", nullptr).empty());
    // A name stays a name though a label of that name has come.
    CHECK(Target::parse("env", nullptr).root.kind == TargetPart::Kind::name);
    CHECK(refusal("Gone=1", nullptr).starts_with("[403.11]"));
}

TEST_CASE("a target has bounds in text, tests and depth", "[fleet]")
{
    CHECK(refusal(nested(17)).find("16 deep") != std::string::npos);
    std::string nots;
    for (int i = 0; i < 17; ++i) nots += "not ";
    CHECK(refusal(nots + "all").find("16 deep") != std::string::npos);
    std::string many = "a in (0";
    for (int i = 1; i < 256; ++i) many += "," + std::to_string(i);
    Target::Labels const a{"a"};
    CHECK(refusal(many + ")", &a).empty());
    CHECK(refusal(many + ",256)", &a).find("256") != std::string::npos);
    CHECK(refusal("env=" + std::string(4092, 'a')).empty());
    CHECK(refusal("env=" + std::string(4093, 'a')).find("4096") != std::string::npos);
}

TEST_CASE("the keys of labels are none of the language's own words", "[fleet]")
{
    for (auto const* const key : {"env", "a", "a1_b", "run", "group"}) CHECK(is_label_key(key));
    for (auto const* const key : {"", "Env", "1a", "a-b", "a.b", "ip", "os", "seen", "sn", "manager", "and",
             "in", "all", "abcdefghijklmnopqrstuvwxyz0123456"})
        CHECK_FALSE(is_label_key(key));
}
