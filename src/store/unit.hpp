#pragma once

#include <exception>

#include "elves/store.hpp"

namespace elves {

/// One call of `post` or `post_read` on its way: made on the loop, run on a thread of the store, and back.
/// All of it is destroyed on the loop's thread, since `done` may hold a coroutine.
struct Unit {
    Store::Work work;
    Store::Done done;
    std::exception_ptr error = nullptr;
};

} // namespace elves
