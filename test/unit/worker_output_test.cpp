#include "agent/worker_output.hpp"

#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"

using elves::agent::WorkerOutput;

namespace {

struct Case {
    std::string printed;
    std::optional<bool> flag;
    std::string result;
};

std::vector<Case> const cases = {
    {"", {}, ""},
    {"nothing to see\n", {}, ""},
    {"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>toryzen</ElvesWResult>", true, "toryzen"},
    {"log\n<ElvesWResult>a\nb\n</ElvesWResult>\nlog\n<ElvesWFlag>false</ElvesWFlag>\n", false, "a\nb\n"},
    {"<ElvesWFlag> \tTRUE\r\n</ElvesWFlag>", true, ""},
    {"<ElvesWFlag>False</ElvesWFlag>", false, ""},
    {"<ElvesWFlag>yes</ElvesWFlag>", {}, ""},
    {"<ElvesWFlag></ElvesWFlag>", {}, ""},
    {"<ElvesWFlag>true", {}, ""},
    {"<ElvesWFlag>true</ElvesWFlag", {}, ""},
    {"ElvesWFlag>true</ElvesWFlag>", {}, ""},
    {"<ElvesWFlag>false</ElvesWFlag><ElvesWFlag>true</ElvesWFlag>", true, ""},
    {"<ElvesWFlag>true</ElvesWFlag><ElvesWFlag>perhaps</ElvesWFlag>", true, ""},
    {"<ElvesWFlag><ElvesWFlag>true</ElvesWFlag>", true, ""},
    {"<<ElvesWFlag>true</ElvesWFlag>", true, ""},
    {"<ElvesW<ElvesWFlag>true</ElvesWFlag>", true, ""},
    {"<ElvesWFlag>" + std::string(1000, ' ') + "true</ElvesWFlag>", {}, ""},
    {"<ElvesWFlag>" + std::string(1000, ' ') + "<ElvesWFlag>true</ElvesWFlag>", true, ""},
    {"<ElvesWResult>one</ElvesWResult><ElvesWResult>two</ElvesWResult>", {}, "two"},
    {"<ElvesWResult></ElvesWResult>", {}, ""},
    {"<ElvesWResult>1 < 2 </ElvesW </ElvesWResul> </</ElvesWResult>", {}, "1 < 2 </ElvesW </ElvesWResul> </"},
    {"<ElvesWResult><ElvesWFlag>true</ElvesWFlag></ElvesWResult>", {}, "<ElvesWFlag>true</ElvesWFlag>"},
    {"<ElvesWResult>one</ElvesWResult><ElvesWResult>not closed", {}, "one"},
    // A result that is never closed is text.
    {"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>a stranger's\n<ElvesWFlag>false</ElvesWFlag>", false, ""},
    {"<ElvesWResult>a stranger's\n<ElvesWFlag>true</ElvesWFlag>", true, ""},
    // It is not clear where this result begins: true only if it is so both ways.
    {"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>x<ElvesWFlag>false</ElvesWFlag><ElvesWResult>no</"
     "ElvesWResult>",
        false, "x<ElvesWFlag>false</ElvesWFlag><ElvesWResult>no"},
    {"<ElvesWFlag>false</ElvesWFlag><ElvesWResult>x<ElvesWFlag>true</ElvesWFlag><ElvesWResult>y</"
     "ElvesWResult>",
        false, "x<ElvesWFlag>true</ElvesWFlag><ElvesWResult>y"},
    {"<ElvesWResult>x<ElvesWFlag>false</ElvesWFlag></ElvesWResult><ElvesWFlag>true</ElvesWFlag>", true,
        "x<ElvesWFlag>false</ElvesWFlag>"},
    {"<ElvesWResult>\xC3\xBC\xE2\x82\xAC</ElvesWResult>", {}, "\xC3\xBC\xE2\x82\xAC"},
};

void check(WorkerOutput const& output, Case const& wanted)
{
    CHECK(output.flag() == wanted.flag);
    CHECK(output.result() == wanted.result);
    CHECK_FALSE(output.result_cut());
}

} // namespace

TEST_CASE("the tags are found wherever the output is cut", "[worker-output]")
{
    for (auto const& wanted : cases) {
        INFO(wanted.printed);
        for (std::size_t cut = 0; cut <= wanted.printed.size(); ++cut) {
            WorkerOutput output(1000);
            output.put(std::string_view(wanted.printed).substr(0, cut));
            output.put(std::string_view(wanted.printed).substr(cut));
            check(output, wanted);
        }
        WorkerOutput output(1000);
        for (auto const byte : wanted.printed) output.put({&byte, 1});
        check(output, wanted);
    }
}

TEST_CASE("of a result its beginning is kept, and the cut is said", "[worker-output]")
{
    struct Row {
        std::size_t max;
        std::string kept;
        bool cut;
    };
    for (auto const& row :
        std::vector<Row>{{0, "", true}, {1, "a", true}, {2, "a", true}, {3, "a\xC3\xBC", true},
            {4,
                "a\xC3\xBC"
                "b",
                false}}) {
        std::string const printed = "<ElvesWResult>a\xC3\xBC"
                                    "b</ElvesWResult><ElvesWFlag>true</ElvesWFlag>";
        for (std::size_t cut = 0; cut <= printed.size(); ++cut) {
            WorkerOutput output(row.max);
            output.put(std::string_view(printed).substr(0, cut));
            output.put(std::string_view(printed).substr(cut));
            CHECK(output.result() == row.kept);
            CHECK(output.result_cut() == row.cut);
            CHECK(output.flag() == true);
        }
    }
}

TEST_CASE("a result that is cut does not leave its mark on the next one", "[worker-output]")
{
    WorkerOutput output(4);
    output.put("<ElvesWResult>too long</ElvesWResult>");
    CHECK(output.result_cut());
    output.put("<ElvesWResult>fits</ElvesWResult>");
    CHECK(output.result() == "fits");
    CHECK_FALSE(output.result_cut());
}

TEST_CASE("the tail is the last 2 KiB, and begins with a whole character", "[worker-output]")
{
    WorkerOutput output(10);
    CHECK(output.tail().empty());
    output.put("short");
    CHECK(output.tail() == "short");
    for (int i = 0; i < 10'000; ++i) output.put("\xE2\x82\xAC"); // 3 bytes each
    CHECK(output.tail().size() == 2046);
    CHECK(output.tail().starts_with("\xE2\x82\xAC"));
    output.put(std::string(5000, 'x') + "end");
    CHECK(output.tail() == std::string(2045, 'x') + "end");
}

TEST_CASE("the text is the output's end without its last newline", "[worker-output]")
{
    WorkerOutput output(1'000'000);
    CHECK(output.text().empty());
    output.put("all is well\n");
    CHECK(output.text() == "all is well");
    output.put("\n");
    CHECK(output.text() == "all is well\n");
    CHECK_FALSE(output.text_cut());

    // The newline goes first, then the last 65,536 bytes are taken.
    WorkerOutput exact(1'000'000);
    exact.put(std::string(65'536, 'x') + "\n");
    CHECK(exact.text() == std::string(65'536, 'x'));
    CHECK_FALSE(exact.text_cut());
    WorkerOutput more(1'000'000);
    more.put("y" + std::string(65'536, 'x'));
    more.put("\n");
    CHECK(more.text() == std::string(65'536, 'x'));
    CHECK(more.text_cut());
    for (int i = 0; i < 50; ++i) more.put(std::string(10'000, 'z'));
    CHECK(more.text() == std::string(65'536, 'z'));
    CHECK(more.text_cut());

    WorkerOutput small(3);
    small.put("abcde\n");
    CHECK(small.text() == "cde");
    CHECK(small.text_cut());
}
