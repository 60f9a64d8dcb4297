#pragma once

#include <cstddef>
#include <string>

#include "elves/error.hpp"

namespace elves {

/// What an answer without pages may hold before it is a frame. Far over the usual `server.max_frame`, which
/// alone says what fits into one: this keeps one call from holding gigabytes until that is asked.
class AnswerBudget {
public:
    static constexpr std::size_t most = std::size_t{64} * 1024 * 1024; ///< Bytes.

    /// Before the answer holds `bytes` more. Throws Error 429.1 where it would be over `most`.
    void take(std::size_t bytes)
    {
        held_ += bytes;
        if (held_ <= most) return;
        throw Error(codes::too_much,
            "the answer is over " + std::to_string(most) + " bytes; ask for fewer at a time");
    }

private:
    std::size_t held_ = 0;
};

} // namespace elves
