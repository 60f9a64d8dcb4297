// A shared object of this API that was compiled with another Boost.
#include "elves/module.hpp"

extern "C" unsigned const elves_module_api_version;
extern "C" char const* const elves_module_build;
extern "C" void* elves_make_module(void*);
extern "C" unsigned const elves_module_api_version = elves::module_api_version;
extern "C" char const* const elves_module_build =
    "C++ 202002, ABI 1017, libstdc++ 12 (C++11 ABI 1), Boost 1_99";
extern "C" void* elves_make_module(void*) { return nullptr; }
