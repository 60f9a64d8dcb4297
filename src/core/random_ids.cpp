#include "core/random_ids.hpp"

#include <array>
#include <cstddef>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdexcept>
#include <utility>

namespace elves {

namespace {

struct Drawn {
    std::array<std::uint64_t, 64> bits{};
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

std::uint64_t random_bits()
{
    if (drawn.left == 0) {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(drawn.bits.data()), sizeof drawn.bits) != 1)
            throw std::runtime_error("no secure random source for ids");
        drawn.left = drawn.bits.size();
    }
    return std::exchange(drawn.bits[--drawn.left], 0);
}

void forget_drawn_bits() noexcept { drawn.forget(); }

} // namespace elves
