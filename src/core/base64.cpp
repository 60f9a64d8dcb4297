#include "elves/base64.hpp"

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

std::optional<std::string> from_base64(std::string_view text)
{
    constexpr std::size_t most = 1024 * 1024;
    if (text.size() > most || text.size() % 4 != 0) return std::nullopt;
    // EVP_DecodeBlock leaves blanks at both ends out, and takes padding for zeros.
    auto const end = text.find_first_of("= \t\r\n");
    auto const padding = end == std::string_view::npos ? 0 : text.size() - end;
    if (padding > 2 || text.substr(text.size() - padding) != std::string_view("==").substr(0, padding))
        return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    auto const size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
        reinterpret_cast<unsigned char const*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

} // namespace elves
