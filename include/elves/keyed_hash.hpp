#pragma once

#include <cstddef>
#include <cstdint>

namespace elves {

/// Secret of this process, drawn at its start. Hash tables whose keys a peer can
/// choose mix it into their hashes, so that nobody can prepare keys that collide. Any thread may read it.
extern std::uint64_t hash_secret;

/// For a simulation that has to be repeatable. Only while no table uses it.
void set_hash_secret(std::uint64_t secret) noexcept;

/// Hash of two words under `hash_secret` (a folded 128-bit product, as in wyhash). Not for anything that
/// leaves the process.
[[nodiscard]] inline std::size_t keyed_hash(std::uint64_t first, std::uint64_t second) noexcept
{
    __extension__ using Product = unsigned __int128;
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;
    auto const product = static_cast<Product>(first ^ hash_secret) * (second ^ (hash_secret * odd) ^ odd);
    return static_cast<std::size_t>(
        static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U));
}

} // namespace elves
