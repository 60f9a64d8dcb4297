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
