#include "elves/method_table.hpp"

namespace elves {

void throw_missing(Code code, std::string_view field, std::string_view type)
{
    throw Error(code, "`" + std::string(field) + "` is missing; give it (" + std::string(type) + ")");
}

std::string_view audited_text(Audited audited) noexcept
{
    if (audited == Audited::nothing) return "false";
    if (audited == Audited::by_rate) return "by rate";
    return audited == Audited::calls ? "true" : "changes";
}

Method const* MethodTable::find(std::string_view name) const noexcept
{
    for (auto const& method : methods_) {
        if (method->name == name) return method.get();
        for (auto const& other : method->also) {
            if (other == name) return method.get();
        }
    }
    return nullptr;
}

} // namespace elves
