#include "agent/result_channel.hpp"

#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"

using elves::agent::ResultChannel;

TEST_CASE("what is written to the result descriptor is read wherever it is cut", "[result-channel]")
{
    struct Row {
        std::string written;
        std::optional<bool> flag;
        std::string result;
    };
    std::string const open = "<ElvesWResult>";
    std::string const close = "</ElvesWResult>";
    std::string const yes = "<ElvesWFlag>true</ElvesWFlag>";
    std::string const no = "<ElvesWFlag>false</ElvesWFlag>";
    for (auto const& row : std::vector<Row>{
             {"plain text\n", {}, "plain text"},
             {"{\"a\":1}", {}, "{\"a\":1}"},
             {"1 < 2 <Elves", {}, "1 < 2 <Elves"},
             {yes, true, ""},
             {no + yes, true, ""},
             {open + "text" + close, {}, "text"},
             {yes + open + "text" + close, true, "text"},
             {open + "text" + close + no + "\n", false, "text"},
             // Nothing that is in the result ends it, or says what came of it.
             {no + open + "a" + close + yes + open + "b" + close, false, "a" + close + yes + open + "b"},
             {open + "a" + close + yes + close + no, false, "a" + close + yes},
             {open + "a" + yes + close, {}, "a" + yes},
             {open + "never closed" + no, false, ""},
             // Half an answer is not a yes, and the text of a result is no answer.
             {"<ElvesWFlag>tr", false, "<ElvesWFlag>tr"},
             {"<ElvesWFlag>maybe</ElvesWFlag>", false, "<ElvesWFlag>maybe</ElvesWFlag>"},
             {yes + "<ElvesWFlag>fal", true, ""},
             {open + "a <ElvesWFlag>" + close, {}, "a <ElvesWFlag>"},
             {open + "a" + close + "<ElvesWFlag>tr", false, "a"},
         }) {
        INFO(row.written);
        for (std::size_t cut = 0; cut <= row.written.size(); ++cut) {
            ResultChannel channel(1'000);
            channel.put(std::string_view(row.written).substr(0, cut));
            channel.put(std::string_view(row.written).substr(cut));
            CHECK(channel.is_used());
            CHECK(channel.flag() == row.flag);
            CHECK(channel.result() == row.result);
            CHECK_FALSE(channel.is_cut());
        }
    }
    CHECK_FALSE(ResultChannel(10).is_used());
}

TEST_CASE("of a long result its beginning is kept, and the flag behind it counts", "[result-channel]")
{
    ResultChannel tagged(4);
    tagged.put("<ElvesWResult>" + std::string(100'000, 'x') + "</ElvesWResult><ElvesWFlag>true</ElvesWFlag>");
    CHECK(tagged.result() == "xxxx");
    CHECK(tagged.is_cut());
    CHECK(tagged.flag() == true);
    ResultChannel plain(4);
    plain.put("abcd\n");
    CHECK(plain.result() == "abcd");
    CHECK_FALSE(plain.is_cut());
    plain.put("more");
    CHECK(plain.result() == "abcd");
    CHECK(plain.is_cut());
}
