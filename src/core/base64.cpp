#include "core/base64.hpp"

#include <openssl/evp.h>

namespace elves {

std::string base64(std::string_view bytes)
{
    // EVP_EncodeBlock counts in int: whole groups of three in pieces that fit, so that only the last is
    // padded.
    constexpr std::size_t piece = 3 * 1024 * 1024;
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4 + 1);
    while (!bytes.empty()) {
        auto const part = bytes.substr(0, piece);
        auto const at = text.size();
        text.resize(at + (part.size() + 2) / 3 * 4 + 1); // it writes a NUL too
        auto const written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&text[at]),
            reinterpret_cast<unsigned char const*>(part.data()), static_cast<int>(part.size()));
        text.resize(at + static_cast<std::size_t>(written));
        bytes.remove_prefix(part.size());
    }
    return text;
}

} // namespace elves
