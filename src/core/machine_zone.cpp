#include "elves/machine_zone.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "core/file_text.hpp"

namespace elves {

namespace {

constexpr std::string_view what_to_do =
    "; set [server] timezone, or TZ, to a name such as Europe/Berlin or UTC";

/// The name in a path such as /usr/share/zoneinfo/Europe/Berlin, or the text itself.
std::string name_in(std::string_view path, std::string const& zoneinfo)
{
    for (auto const& folder : {zoneinfo + "/", std::string("/zoneinfo/")}) {
        auto const at = path.find(folder);
        if (at != std::string_view::npos) return std::string(path.substr(at + folder.size()));
    }
    return std::string(path);
}

std::string trimmed(std::string text)
{
    constexpr auto blanks = " \t\r\n";
    text.erase(text.find_last_not_of(blanks) + 1);
    text.erase(0, text.find_first_not_of(blanks));
    return text;
}

MachineZone of_variable(std::string_view value, std::string const& zoneinfo)
{
    auto rest = value;
    if (rest.starts_with(':')) rest.remove_prefix(1);
    if (rest.empty() || rest == "UTC0" || rest == "GMT0") return {Zone(), "TZ"};
    if (auto const zone = Zone::named(name_in(rest, zoneinfo))) return {*zone, "TZ"};
    throw std::runtime_error("TZ is \"" + std::string(value) +
                             "\", which names no time zone of this machine" + std::string(what_to_do));
}

/// A copy has no name; /etc/timezone may have it, and counts where its file is the same.
MachineZone of_copy(ZonePlaces const& places)
{
    auto const name = trimmed(file_text(places.timezone));
    auto const zone = name.empty() ? std::nullopt : Zone::named(name);
    bool const is_same = zone && file_text(places.zoneinfo + "/" + name) == file_text(places.localtime);
    if (is_same) return {*zone, places.localtime};
    auto const why = name.empty() ? places.timezone + " does not name its zone"
                                  : places.timezone + " names " + name + ", which is another zone";
    throw std::runtime_error("the time zone of this machine has no known name: " + places.localtime +
                             " is a plain file, and " + why + std::string(what_to_do));
}

} // namespace

MachineZone machine_zone()
{
    ZonePlaces places;
    if (auto const* const value = std::getenv("TZ")) places.variable = value;
    return machine_zone(places);
}

MachineZone machine_zone(ZonePlaces const& places)
{
    if (places.variable) return of_variable(*places.variable, places.zoneinfo);
    std::error_code failure;
    std::filesystem::path file = places.localtime;
    if (!std::filesystem::exists(file, failure)) return {Zone(), "no " + places.localtime};
    // A link to a link: the last name that is one counts.
    for (int links = 0; links < 8 && std::filesystem::is_symlink(file, failure); ++links) {
        auto const target = std::filesystem::read_symlink(file, failure);
        file = target.is_absolute() ? target : (file.parent_path() / target).lexically_normal();
        if (auto const zone = Zone::named(name_in(file.string(), places.zoneinfo)))
            return {*zone, places.localtime};
    }
    return of_copy(places);
}

} // namespace elves
