#include "package/link_target.hpp"

#include <algorithm>

namespace elves {

bool stays_inside(std::string_view place, std::string_view target) noexcept
{
    if (target.empty() || target.front() == '/') return false;
    auto up = std::count(place.begin(), place.end(), '/');
    bool has_name = false;
    while (!target.empty()) {
        auto const slash = target.find('/');
        auto const part = target.substr(0, slash);
        target = slash == std::string_view::npos ? std::string_view() : target.substr(slash + 1);
        if (part == "..") {
            if (has_name || up-- == 0) return false;
        } else if (!part.empty() && part != ".") {
            has_name = true;
        }
    }
    return true;
}

} // namespace elves
