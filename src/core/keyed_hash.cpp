#include "elves/keyed_hash.hpp"

#include <random>

namespace elves {

namespace {

/// From the system, not from OpenSSL: this runs before main.
std::uint64_t draw()
{
    std::random_device system;
    return std::uniform_int_distribution<std::uint64_t>()(system);
}

} // namespace

std::uint64_t hash_secret = draw();

void set_hash_secret(std::uint64_t secret) noexcept { hash_secret = secret; }

} // namespace elves
