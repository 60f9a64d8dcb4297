// Whatever a package of an app is: it is unpacked within its bounds and inside its folder, or refused.
#include "package/unpack.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>

#include <stdlib.h>

#include "fuzz_target.hpp"
#include "package/link_target.hpp"

using namespace elves;
namespace fs = std::filesystem;

namespace {

constexpr UnpackLimits limits{256 * 1024, 64};
constexpr std::size_t deepest_path = 32;

/// The package and its folder stand beside a file that is nobody's business.
struct Place {
    Place()
    {
        auto name = (fs::temp_directory_path() / "elves-fuzz-package-XXXXXX").string();
        PROMISE(mkdtemp(name.data()) != nullptr);
        root = name;
        std::ofstream(root / "other") << "mine";
    }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    ~Place() { fs::remove_all(root); }

    [[nodiscard]] std::set<std::string> names() const
    {
        std::set<std::string> all;
        for (auto const& entry : fs::directory_iterator(root)) all.insert(entry.path().filename());
        return all;
    }

    fs::path root;
};

void look_at(fs::directory_entry const& entry, fs::path const& folder)
{
    auto const status = entry.symlink_status();
    if (status.type() == fs::file_type::symlink) {
        auto const target = fs::read_symlink(entry.path());
        PROMISE(stays_inside(entry.path().lexically_relative(folder).string(), target.string()));
        return;
    }
    PROMISE(status.type() == fs::file_type::regular || status.type() == fs::file_type::directory);
    using fs::perms;
    PROMISE((status.permissions() & (perms::set_uid | perms::set_gid | perms::sticky_bit)) == perms::none);
    PROMISE((status.permissions() & (perms::group_write | perms::others_write)) == perms::none);
}

} // namespace

FUZZ_TARGET(package)
{
    static Place const place;
    auto const package = place.root / "package";
    auto const folder = place.root / "folder";
    std::ofstream(package, std::ios::binary).write(input.data(), static_cast<std::streamsize>(input.size()));
    fs::create_directory(folder);
    try {
        unpack(package, folder, limits);
    } catch (std::runtime_error const& refused) {
        PROMISE(*refused.what() != '\0');
    }
    std::int64_t bytes = 0;
    std::int64_t entries = 0;
    for (auto const& entry : fs::recursive_directory_iterator(folder)) {
        look_at(entry, folder);
        ++entries;
        if (entry.symlink_status().type() == fs::file_type::regular)
            bytes += static_cast<std::int64_t>(entry.file_size());
    }
    PROMISE(bytes <= limits.bytes);
    PROMISE(
        entries <= limits.entries * static_cast<std::int64_t>(deepest_path + 1)); // with the folders above
    PROMISE((place.names() == std::set<std::string>{"folder", "other", "package"}));
    PROMISE(fs::file_size(place.root / "other") == 4);
    fs::remove_all(folder);
}
