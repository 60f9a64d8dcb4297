#pragma once

#include <string>

namespace elves {

/// A key or a token that somebody shows: without it, it is `[401.1]`.
struct ShownSecret {
    std::string text;
};

/// What a key is called: at most 256 bytes.
struct KeyName {
    std::string text;
};

} // namespace elves
