// What libFuzzer's own main calls.
#include <cstddef>
#include <cstdint>

#include "fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    static auto const only = elves::fuzz::targets().begin()->second;
    only({reinterpret_cast<char const*>(data), size});
    return 0;
}
