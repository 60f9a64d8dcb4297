#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>

namespace elves::ctl {

/// Ends a walk over pages that makes no progress, so that a server that always says "more" is not asked for
/// ever: a `next` may come once, and only so many pages may come, and be empty in a row.
class PageGuard {
public:
    /// Before the page after `next` is asked for; `rows`: of the page that named it. Throws
    /// std::runtime_error.
    void advance(std::string const& next, std::size_t rows);

private:
    /// A search that finds nothing looks at 20,000 or more rows a page.
    static constexpr std::size_t most_empty_pages = 20'000;
    /// An honest page has up to 1,000 rows.
    static constexpr std::size_t most_pages = 20'000;

    std::unordered_set<std::string> seen_;
    std::size_t empty_pages_ = 0;
};

} // namespace elves::ctl
