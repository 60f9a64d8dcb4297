#include "rpc/envelope.hpp"

#include "catch.hpp"
#include "core/frame_reader.hpp"
#include "elves/json_document.hpp"
#include "rpc/back.hpp"

using namespace elves;

namespace {

/// The JSON of the one frame in `bytes`.
json::object only_frame(std::string const& bytes)
{
    FrameReader reader(bytes.size());
    reader.put(bytes);
    auto const text = reader.next();
    REQUIRE(text);
    auto object = json::parse(*text).as_object();
    REQUIRE_FALSE(reader.next());
    return object;
}

std::string fault_of(std::string_view frame)
{
    auto const object = JsonDocument::parse(frame);
    auto const envelope = Envelope::of(object.root());
    return envelope.fault ? envelope.fault->info() : "";
}

} // namespace

TEST_CASE("an envelope takes call, cast and back, and says what else it was given", "[envelope]")
{
    CHECK(fault_of(R"({"mqt":"call"})").empty());
    CHECK(fault_of(R"({"mqt":"cast"})").empty());
    CHECK(fault_of(R"({"mqt":"back"})").empty());
    CHECK(fault_of("{}") == "[400.3] `mqt` is missing; give call, cast or back");
    CHECK(fault_of(R"({"mqt":"Call"})").starts_with("[400.3] `mqt`"));
    CHECK(fault_of(R"({"mqt":7})").starts_with("[400.3] `mqt`"));
}

TEST_CASE("an mqid is a string of up to 128 characters or a 64-bit integer", "[envelope]")
{
    auto const with = [](std::string const& mqid) {
        return fault_of(R"({"mqt":"call","mqid":)" + mqid + "}");
    };
    CHECK(with("\"\"").empty());
    CHECK(with("0").empty());
    CHECK(with("-9223372036854775808").empty());
    CHECK(with("18446744073709551615").empty());
    std::string long_but_allowed;
    for (int i = 0; i < 128; ++i) long_but_allowed += "ä";
    CHECK(with("\"" + long_but_allowed + "\"").empty());
    for (std::string const& bad : {"\"" + long_but_allowed + "x\"", std::string("1.5"), std::string("null"),
             std::string("true"), std::string("[1]"), std::string("18446744073709551616")}) {
        INFO(bad);
        CHECK(with(bad).starts_with("[403.10] `mqid`"));
    }
}

TEST_CASE("a reply repeats what the call was sent with, and a string is escaped", "[envelope]")
{
    auto const call = JsonDocument::parse(R"({"mqt":"call","mqs":"Elves","mqf":"a\"b\n","mqid":"x\u0001"})");
    auto const envelope = Envelope::of(call.root());
    Outcome const outcome{{{"n", "1"}}, "[403.2] no \"such\" thing"};
    std::string now, later;
    append_back(now, envelope, outcome, 1000);
    append_back(later, ReplyTo::of(envelope), outcome, 1000);
    CHECK(now == later);
    auto const reply = only_frame(now);
    CHECK(reply == json::parse(R"({"mqt":"back","mqs":"Elves","mqf":"a\"b\n","mqid":"x\u0001","flag":"false",
                                   "error_info":"[403.2] no \"such\" thing","n":"1"})"));
}

TEST_CASE("a reply without fields, and one without mqid, are whole JSON too", "[envelope]")
{
    auto const call = JsonDocument::parse(R"({"mqt":"call","mqs":"elves","mqf":"ping"})");
    std::string out = "before";
    append_back(out, Envelope::of(call.root()), {}, 1000);
    CHECK(only_frame(out.substr(6)) ==
          json::parse(R"({"mqt":"back","mqs":"elves","mqf":"ping","flag":"true","error_info":""})"));
}

TEST_CASE("an answer that no client could read is replaced by a refusal", "[envelope]")
{
    auto const call = JsonDocument::parse(R"({"mqt":"call","mqs":"elves","mqf":"ping","mqid":5})");
    std::string out;
    append_back(out, Envelope::of(call.root()), {{{"big", std::string(5000, 'x')}}, ""}, 1000);
    auto const reply = only_frame(out);
    CHECK(reply.at("flag") == "false");
    CHECK(reply.at("mqid") == 5);
    CHECK(std::string(reply.at("error_info").as_string()).starts_with("[429.1] "));
    CHECK_FALSE(reply.contains("big"));
}

TEST_CASE("an answer as large as allowed goes out as it is, and one byte more is refused", "[envelope]")
{
    auto const call = JsonDocument::parse(R"({"mqt":"call","mqs":"elves","mqf":"ping","mqid":5})");
    auto const to = ReplyTo::of(Envelope::of(call.root()));
    for (std::size_t const size : {0, 1, 1000, 4000, 4096, 5000, 8192, 20'000}) {
        INFO(size);
        Outcome const outcome{{{"text", std::string(size, 'x')}, {"list", {1, 2, 3}}}, ""};
        std::string whole, allowed, refused;
        append_back(whole, to, outcome, std::string::npos);
        auto const json_bytes = whole.size() - 4;
        append_back(allowed, to, outcome, json_bytes);
        CHECK(allowed == whole);
        append_back(refused, to, outcome, json_bytes - 1);
        CHECK(only_frame(refused).at("error_info") ==
              json::value("[429.1] the answer is over server.max_frame (" + std::to_string(json_bytes - 1) +
                          " bytes); ask for fewer at a time"));
    }
}

TEST_CASE("an answer that is refused is not written to its end first", "[envelope]")
{
    auto const call = JsonDocument::parse(R"({"mqt":"call","mqs":"elves","mqf":"ping"})");
    std::string out = "before";
    append_back(out, Envelope::of(call.root()), {{{"big", std::string(4 * 1024 * 1024, 'x')}}, ""}, 1000);
    CHECK(only_frame(out.substr(6)).at("flag") == "false");
    CHECK(out.capacity() < 64 * 1024);
}

TEST_CASE("an answer whose head alone is over the limit is refused too", "[envelope]")
{
    auto const call = JsonDocument::parse(R"({"mqt":"call","mqs":"elves","mqf":"ping"})");
    for (std::size_t const most : {0, 10, 64}) {
        std::string out;
        append_back(out, Envelope::of(call.root()), {{{"n", "1"}}, ""}, most);
        CHECK(only_frame(out).at("flag") == "false");
    }
}

TEST_CASE("a request is a call with an mqid and a cast without", "[envelope]")
{
    std::string out;
    append_request(out, "agent", "cancel", 7, json::object{{"id", "A"}});
    CHECK(only_frame(out) == json::parse(R"({"mqt":"call","mqs":"agent","mqf":"cancel","mqid":7,"id":"A"})"));
    out.clear();
    append_request(out, "heartbeat", "beat", 0, json::object());
    CHECK(only_frame(out) == json::parse(R"({"mqt":"cast","mqs":"heartbeat","mqf":"beat"})"));
}
