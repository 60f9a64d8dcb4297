#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace elves::fuzz {

/// What is done with one input. Whatever it is, every PROMISE holds and nothing is thrown.
using TryInput = void (*)(std::string_view input);

/// The targets of this program by name: one under libFuzzer, all where the corpora are replayed.
inline std::map<std::string, TryInput>& targets()
{
    static std::map<std::string, TryInput> all;
    return all;
}

[[noreturn]] inline void broken(char const* promise, char const* file, int line)
{
    std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
    std::abort();
}

} // namespace elves::fuzz

/// `FUZZ_TARGET(frame) { … input … }`
#define FUZZ_TARGET(name)                                                                                    \
    static void try_##name(std::string_view input);                                                          \
    static bool const added_##name = ::elves::fuzz::targets().emplace(#name, &try_##name).second;            \
    static void try_##name([[maybe_unused]] std::string_view input)

/// Holds in every build: an `assert` would be gone from a release one.
#define PROMISE(...)                                                                                         \
    do {                                                                                                     \
        if (!(__VA_ARGS__)) ::elves::fuzz::broken(#__VA_ARGS__, __FILE__, __LINE__);                         \
    } while (false)
