#pragma once

#include <boost/version.hpp>
#include <string>
#include <version>

// The compilers' macros that decide how the classes of include/elves/ lie in memory.
#define ELVES_TEXT_OF(value) #value
#define ELVES_TEXT(value) ELVES_TEXT_OF(value)
#ifdef _GLIBCXX_ASSERTIONS
#define ELVES_LIBRARY_CHECKS ", _GLIBCXX_ASSERTIONS"
#else
#define ELVES_LIBRARY_CHECKS ""
#endif
#ifdef _GLIBCXX_DEBUG
#define ELVES_LIBRARY_DEBUG ", _GLIBCXX_DEBUG"
#else
#define ELVES_LIBRARY_DEBUG ""
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ELVES_SANITIZER ", AddressSanitizer"
#elif defined(__SANITIZE_THREAD__)
#define ELVES_SANITIZER ", ThreadSanitizer"
#else
#define ELVES_SANITIZER ""
#endif

namespace elves {

/// What a shared object and the server that loads it must have been compiled with alike: the C++ standard,
/// the compiler's ABI, the release of the standard library, Boost, and checks that change classes. A line for
/// people, compared as a whole.
inline constexpr char const* module_build =
    "C++ " ELVES_TEXT(__cplusplus) ", ABI " ELVES_TEXT(__GXX_ABI_VERSION)
    // clang-format off
    ", libstdc++ " ELVES_TEXT(_GLIBCXX_RELEASE) " (C++11 ABI " ELVES_TEXT(_GLIBCXX_USE_CXX11_ABI) ")"
    ", Boost " BOOST_LIB_VERSION ELVES_LIBRARY_CHECKS ELVES_LIBRARY_DEBUG ELVES_SANITIZER;
// clang-format on

} // namespace elves

#undef ELVES_LIBRARY_CHECKS
#undef ELVES_LIBRARY_DEBUG
#undef ELVES_SANITIZER
#undef ELVES_TEXT
#undef ELVES_TEXT_OF
