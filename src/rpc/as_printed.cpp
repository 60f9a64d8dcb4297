#include "rpc/as_printed.hpp"

namespace elves {

std::string_view as_printed(std::string_view service, std::string_view method, JsonValue const& call)
{
    auto const has = [&](std::string_view field) { return call.find(field) != nullptr; };
    if (service == "supervisor" && method == "checkipauthbykey") {
        if (has("appname") && !has("agentip")) return "getappcallbackinfo";
    } else if (service == "cmdbproxy" && method == "checkipauthbykey") {
        if (has("agentiplist")) return "getcmdbinfobyiplist";
        if (has("agentip")) return "getcmdbinfobyip";
    } else if (service == "cron" && method == "setcronbyip") {
        if (!has("rule") && !has("ins")) return has("id") ? "delcronbyipid" : "getcronlistbyip";
    } else if (service == "tasklog" && method == "agentasynclog") {
        auto const* const id = call.find("id");
        if (id && id->is_list() && !has("info")) return "gettaskbyids";
    }
    return method;
}

} // namespace elves
