#include "core/file_text.hpp"

#include <fstream>
#include <sstream>

namespace elves {

std::string file_text(std::filesystem::path const& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    // Not by iterators of the buffer: they throw where the system refuses to read.
    text << file.rdbuf();
    return text.str();
}

} // namespace elves
