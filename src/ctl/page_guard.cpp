#include "ctl/page_guard.hpp"

#include <stdexcept>

#include "ctl/printable.hpp"

namespace elves::ctl {

void PageGuard::advance(std::string const& next, std::size_t rows)
{
    if (!seen_.insert(next).second)
        throw std::runtime_error("the server's list does not advance: it named `next` " + printable(next) +
                                 " twice; expected another place each time");
    if (seen_.size() > most_pages)
        throw std::runtime_error("the server's list does not end: " + std::to_string(most_pages) +
                                 " pages, and it says that there are more; ask for fewer rows");
    empty_pages_ = rows == 0 ? empty_pages_ + 1 : 0;
    if (empty_pages_ > most_empty_pages)
        throw std::runtime_error("the server's list does not advance: " + std::to_string(empty_pages_) +
                                 " pages in a row were empty, and each said that there are more");
}

} // namespace elves::ctl
