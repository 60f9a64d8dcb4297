#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "elves/json.hpp"

namespace elves {

/// On how many connected agents each version of each app is. Counted as agents come, go and change, so that
/// no scrape looks at all of them. On the loop's thread.
class AppVersions {
public:
    using Counts = std::map<std::pair<std::string, std::string>, std::size_t>; ///< By app and version.

    /// `apps`: as an agent says them, {"nginx": "1.24"}.
    void add(json::object const& apps);
    /// The same that were added.
    void remove(json::object const& apps);
    [[nodiscard]] Counts const& counts() const noexcept { return counts_; }

private:
    Counts counts_; ///< None is 0.
};

} // namespace elves
