#include "core/random_ids.hpp"

#include <array>
#include <cstddef>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdexcept>
#include <utility>

namespace elves {

namespace {

constexpr std::size_t alike = 16;
constexpr std::uint64_t shared_bits = 0xFFFF'0000'0000'0000;

struct Drawn {
    std::array<std::uint64_t, 4 * alike> bits{};
    std::size_t left = 0;

    ~Drawn() { forget(); }
    void forget() noexcept
    {
        OPENSSL_cleanse(bits.data(), sizeof bits);
        left = 0;
    }
};

thread_local Drawn drawn;

} // namespace

std::uint64_t random_id_bits()
{
    if (drawn.left == 0) {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(drawn.bits.data()), sizeof drawn.bits) != 1)
            throw std::runtime_error("no secure random source for ids");
        for (std::size_t i = 0; i < drawn.bits.size(); ++i) {
            auto const first = drawn.bits[i - i % alike];
            drawn.bits[i] = (first & shared_bits) | (drawn.bits[i] & ~shared_bits);
        }
        drawn.left = drawn.bits.size();
    }
    return std::exchange(drawn.bits[--drawn.left], 0);
}

void forget_drawn_bits() noexcept { drawn.forget(); }

} // namespace elves
