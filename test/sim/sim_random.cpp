#include "sim/sim_random.hpp"

#include <stdexcept>

#include "core/random_ids.hpp"
#include "elves/keyed_hash.hpp"

namespace elves::sim {

static Random* source = nullptr;

SystemRandom::SystemRandom(Random& random)
{
    source = &random;
    forget_drawn_bits();
    set_hash_secret(random.next());
}

SystemRandom::~SystemRandom() { source = nullptr; }

} // namespace elves::sim

/// OpenSSL's: a program's own definition is taken before that of a shared library.
extern "C" int RAND_bytes(unsigned char* bytes, int count); // NOLINT(readability-identifier-naming)
extern "C" int RAND_bytes(unsigned char* bytes, int count)
{
    if (!elves::sim::source) return 0;
    for (int i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(elves::sim::source->next());
    return 1;
}
