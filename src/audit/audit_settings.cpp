#include "audit/audit_settings.hpp"

namespace elves {

AuditSettings AuditSettings::read(Section const& section)
{
    using namespace std::chrono_literals;
    AuditSettings all;
    all.enabled = section.choice("enabled", "true", {"true", "false"}) == "true";
    auto const param = section.choice("param", "digest", {"digest", "text", "none"});
    all.param = param == "digest" ? Param::digest : param == "text" ? Param::text : Param::none;
    all.keep = section.seconds("keep", all.keep, 1s, 36'500 * 86'400s);
    return all;
}

} // namespace elves
