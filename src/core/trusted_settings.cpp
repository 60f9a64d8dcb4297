#include "core/trusted_settings.hpp"

#include <filesystem>

#include <unistd.h>

#include "core/trusted_path.hpp"

namespace elves {

namespace {

bool is_inherited(std::string const& path)
{
    auto const plain = std::filesystem::path(path).lexically_normal().string();
    return plain == "/dev/null" || plain == "/dev/stdin" || plain.starts_with("/dev/fd/") ||
           plain.starts_with("/proc/self/fd/");
}

} // namespace

Settings read_trusted_settings(std::string const& path)
{
    auto const fault = is_inherited(path) ? std::nullopt : untrusted_anywhere(path, ::geteuid());
    if (!fault) return Settings::read_file(path);
    // What can't be read says so better; what has just come into being is not taken.
    if (::access(path.c_str(), R_OK) != 0) static_cast<void>(Settings::read_file(path));
    throw SettingsError(path + ": settings file is not trusted: " + *fault);
}

} // namespace elves
