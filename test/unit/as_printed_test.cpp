#include "rpc/as_printed.hpp"

#include "catch.hpp"
#include "elves/json_document.hpp"

using namespace elves;

namespace {

std::string meant(std::string_view service, std::string_view method, std::string_view fields)
{
    return std::string(as_printed(service, method, JsonDocument::parse(fields).root()));
}

} // namespace

TEST_CASE("a frame as the sheet prints it means the method that its fields show", "[router]")
{
    CHECK(meant("supervisor", "checkipauthbykey", R"({"appname":"a"})") == "getappcallbackinfo");
    CHECK(meant("cmdbproxy", "checkipauthbykey", R"({"agentip":"1.2.3.4"})") == "getcmdbinfobyip");
    CHECK(meant("cmdbproxy", "checkipauthbykey", R"({"agentiplist":[]})") == "getcmdbinfobyiplist");
    CHECK(meant("cron", "setcronbyip", R"({"agentip":"1.2.3.4","id":"A"})") == "delcronbyipid");
    CHECK(meant("cron", "setcronbyip", R"({"agentip":"1.2.3.4"})") == "getcronlistbyip");
    CHECK(meant("tasklog", "agentasynclog", R"({"id":["A"]})") == "gettaskbyids");
}

TEST_CASE("where its fields leave a doubt, a frame means what it says", "[router]")
{
    CHECK(meant("supervisor", "checkipauthbykey", R"({"appname":"a","agentip":"1.2.3.4"})") ==
          "checkipauthbykey");
    CHECK(meant("supervisor", "checkipauthbykey", "{}") == "checkipauthbykey");
    CHECK(meant("cmdbproxy", "checkipauthbykey", "{}") == "checkipauthbykey");
    CHECK(meant("cron", "setcronbyip", R"({"id":"A","rule":""})") == "setcronbyip");
    CHECK(meant("cron", "setcronbyip", R"({"id":"A","ins":{}})") == "setcronbyip");
    CHECK(meant("tasklog", "agentasynclog", R"({"id":["A"],"info":{}})") == "agentasynclog");
    CHECK(meant("tasklog", "agentasynclog", R"({"id":"A"})") == "agentasynclog");
    CHECK(meant("heartbeat", "getstatbyip", R"({"id":["A"]})") == "getstatbyip");
}
