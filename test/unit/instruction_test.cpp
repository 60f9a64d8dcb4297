#include "elves/instruction.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "elves/error.hpp"
#include "support/json_of.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

json::object ins(std::string const& more)
{
    return json::parse(R"({"app":"apptest","func":"echo")" + (more.empty() ? "" : "," + more) + "}")
        .as_object();
}

Instruction read(json::object const& from) { return Instruction::read(json_of(from).root()); }

std::string refusal(json::object const& from)
{
    try {
        (void)read(from);
        return "accepted";
    } catch (Error const& error) {
        return error.info();
    }
}

} // namespace

TEST_CASE("an instruction needs an app and a function, and has defaults for the rest", "[instruction]")
{
    for (auto const* const more :
        {"", R"("mode":"","param":"","timeout":"","proxy":"","ttl":"","dedup":"")"}) {
        auto const instruction = read(ins(more));
        CHECK(instruction.name() == "apptest.echo");
        CHECK(instruction.mode == Mode::np);
        CHECK(instruction.param.empty());
        CHECK(instruction.timeout == 0s);
        CHECK(instruction.proxy.empty());
        CHECK(instruction.ttl == 0s);
        CHECK(instruction.dedup.empty());
    }
}

TEST_CASE("a mode is read in any case and in its older words", "[instruction]")
{
    for (auto const* const word : {"P", "p", "sap", "SSP"})
        CHECK(read(ins(R"("mode":")" + std::string(word) + "\"")).mode == Mode::p);
    for (auto const* const word : {"NP", "np", "nP", "sanp", "SsNp"})
        CHECK(read(ins(R"("mode":")" + std::string(word) + "\"")).mode == Mode::np);
    CHECK(mode_text(Mode::p) == "P");
    CHECK(mode_text(Mode::np) == "NP");
}

TEST_CASE("a param that is no string is handed on as its JSON text", "[instruction]")
{
    CHECK(read(ins(R"("param":"a b")")).param == "a b");
    CHECK(read(ins(R"("param":{"a":[1,"x",null]})")).param == R"({"a":[1,"x",null]})");
    CHECK(read(ins(R"("param":7)")).param == "7");
    CHECK(read(ins(R"("param":null)")).param == "null");
}

TEST_CASE("a param of a mebibyte is taken, one more byte is not", "[instruction]")
{
    auto from = ins("");
    from["param"] = std::string(1024 * 1024, 'x');
    CHECK(read(from).param.size() == 1024 * 1024);
    from["param"] = std::string(1024 * 1024 + 1, 'x');
    CHECK(refusal(from) == "[403.2] `ins.param` has 1048577 bytes; give at most 1048576");
}

TEST_CASE("times come as numbers or as digits", "[instruction]")
{
    CHECK(read(ins(R"("timeout":1)")).timeout == 1s);
    CHECK(read(ins(R"("timeout":"86400","ttl":31536000)")).timeout == 24h);
    CHECK(read(ins(R"("timeout":"0","ttl":"60")")).ttl == 60s);
}

TEST_CASE("a dedup counts characters, not bytes", "[instruction]")
{
    auto from = ins("");
    std::string text;
    for (int i = 0; i < 64; ++i) text += "\xE6\x97\xA5";
    from["dedup"] = text;
    CHECK(read(from).dedup == text);
    from["dedup"] = text + "x";
    CHECK(refusal(from) == "[403.10] `ins.dedup` has 65 characters; give at most 64");
}

TEST_CASE("a proxy is a file inside the app's folder, with or without its interpreter", "[instruction]")
{
    for (auto const* const text : {"run.py", "bin/run.py", "./run", "python3|run.py",
             "/usr/bin/python3.11|bin/run.py", "g++|a", "..a/b..", "a-b/-c", "my file.sh"}) {
        auto from = ins("");
        from["proxy"] = text;
        INFO(text);
        CHECK(read(from).proxy == text);
    }
    for (auto const& text :
        std::vector<std::string>{"|", "|run.py", "python3|", "/run.py", "../run.py", "a/../b", "a/..", "..",
            "-c", "python3|-c", "python3|/run.py", "python3|../x", "a//b", "a/", "-p|a", "py thon|a", "a|b|c",
            "py;|a", std::string("a\0b", 3), std::string(257, 'a'), std::string(65, 'p') + "|a"}) {
        auto from = ins("");
        from["proxy"] = text;
        INFO(text);
        CHECK(refusal(from).starts_with("[403.10] `ins.proxy` "));
    }
}

TEST_CASE("what is wrong is refused with its own code and the field's name", "[instruction]")
{
    struct Row {
        char const* more;
        char const* error;
    };
    for (auto const& row :
        {
            Row{R"("mode":"X")", "[403.4] `ins.mode` is \"X\"; give NP or P"},
            Row{R"("mode":1)", "[403.4] `ins.mode` is 1; give a string"},
            Row{R"("app":"")", "[403.3] `ins.app` is missing"},
            Row{R"("app":5)", "[403.3] `ins.app` is 5; give a string"},
            Row{R"("func":null)", "[403.7] `ins.func` is null; give a string"},
            Row{R"("timeout":0.5)",
                "[403.8] `ins.timeout` is 5E-1; give whole seconds from 1 to 86400, or 0 for the default"},
            Row{R"("timeout":86401)",
                "[403.8] `ins.timeout` is 86401; give whole seconds from 1 to 86400, or 0 for the default"},
            Row{R"("timeout":-1)",
                "[403.8] `ins.timeout` is -1; give whole seconds from 1 to 86400, or 0 for the default"},
            Row{R"("timeout":"9s")",
                "[403.8] `ins.timeout` is \"9s\"; give whole seconds from 1 to 86400, or 0 for the default"},
            Row{R"("ttl":31536001)", "[403.10] `ins.ttl` is 31536001; give whole seconds from 0 to 31536000"},
            Row{R"("ttl":true)", "[403.10] `ins.ttl` is true; give whole seconds from 0 to 31536000"},
            Row{R"("dedup":7)", "[403.10] `ins.dedup` is 7; give a string"},
            Row{R"("proxy":{})", "[403.10] `ins.proxy` is {}; give a string"},
        }) {
        CHECK(refusal(ins(row.more)) == row.error);
    }
}

TEST_CASE("names of apps and functions are plain words", "[instruction]")
{
    CHECK(is_name("a"));
    CHECK(is_name("x-_Y.9-"));
    CHECK(is_name(std::string(64, 'a')));
    for (auto const& text : std::vector<std::string>{"", ".", "..", ".a", "-", "-x", "--help", "a b", "a/b",
             "a\n", "\xC3\xA4", std::string(65, 'a'), std::string("a\0", 2)}) {
        CHECK_FALSE(is_name(text));
        if (text.empty()) continue;
        auto from = ins("");
        from["app"] = text;
        CHECK(refusal(from).starts_with("[403.3] `ins.app` is "));
        from = ins("");
        from["func"] = text;
        CHECK(refusal(from).starts_with("[403.7] `ins.func` is "));
    }
}

TEST_CASE("an instruction travels as strings and comes back the same", "[instruction]")
{
    auto const plain = read(ins(""));
    CHECK(json::serialize(plain.to_json()) ==
          R"({"mode":"NP","app":"apptest","func":"echo","param":"","timeout":"0","proxy":""})");
    auto const full =
        read(ins(R"("mode":"P","param":{"a":1},"timeout":5,"proxy":"sh|a.sh","ttl":9,"dedup":"once")"));
    CHECK(
        json::serialize(full.to_json()) ==
        R"({"mode":"P","app":"apptest","func":"echo","param":"{\"a\":1}","timeout":"5","proxy":"sh|a.sh","ttl":"9","dedup":"once"})");
    CHECK(read(full.to_json()).to_json() == full.to_json());
}
