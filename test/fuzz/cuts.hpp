#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace elves::fuzz {

/// How a stream is cut into pieces, as an input's beginning says: a count of up to 15, then a byte for each
/// piece's length. They are used in turn, again and again; without any the stream comes in one piece.
class Cuts {
public:
    /// Takes its part off the beginning of `input`.
    explicit Cuts(std::string_view& input)
    {
        if (input.empty()) return;
        auto const count = static_cast<std::size_t>(static_cast<unsigned char>(input.front())) % 16;
        input.remove_prefix(1);
        lengths_ = input.substr(0, count);
        input.remove_prefix(lengths_.size());
    }

    /// Takes the next piece off the beginning of `rest`.
    std::string_view piece(std::string_view& rest)
    {
        auto const piece = rest.substr(0, length(rest.size()));
        rest.remove_prefix(piece.size());
        return piece;
    }

private:
    /// 1 to 128, then in steps up to 8 KiB.
    std::size_t length(std::size_t otherwise)
    {
        if (lengths_.empty()) return otherwise;
        auto const byte =
            static_cast<std::size_t>(static_cast<unsigned char>(lengths_[next_++ % lengths_.size()]));
        return byte < 128 ? byte + 1 : (byte - 127) * 64;
    }

    std::string_view lengths_;
    std::size_t next_ = 0;
};

} // namespace elves::fuzz
