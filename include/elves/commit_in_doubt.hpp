#pragma once

#include <string>

#include "elves/error.hpp"

namespace elves {

/// Error 507.1 of a write whose commit the disk failed in the middle: it is not there now, but a crash may
/// bring it back, until a later write has succeeded. Whoever must be certain writes again and looks.
class CommitInDoubt final : public Error {
public:
    explicit CommitInDoubt(std::string const& why)
        : Error(codes::store_cannot_write,
              why + " at the commit: it is not known whether this is on disk; look before you send it again")
    {
    }
};

} // namespace elves
