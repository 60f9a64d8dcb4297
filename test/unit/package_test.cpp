#include "package/pack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "catch.hpp"
#include "package/link_target.hpp"
#include "package/unpack.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
namespace fs = std::filesystem;

namespace {

constexpr UnpackLimits wide{1'000'000, 1'000};
constexpr std::size_t any_size = 1'000'000;

/// An entry as an attacker writes it.
struct Hostile {
    std::string name;
    unsigned type = AE_IFREG;
    mode_t mode = 0644;
    std::string content{};
    std::string symlink{};
    std::string hardlink{};
};

void write_archive(fs::path const& file, std::vector<Hostile> const& entries)
{
    auto* const writer = archive_write_new();
    archive_write_set_format_pax(writer);
    REQUIRE(archive_write_open_filename(writer, file.c_str()) == ARCHIVE_OK);
    for (auto const& each : entries) {
        auto* const entry = archive_entry_new();
        archive_entry_set_pathname(entry, each.name.c_str());
        archive_entry_set_filetype(entry, each.type);
        archive_entry_set_perm(entry, each.mode);
        archive_entry_set_size(entry, static_cast<la_int64_t>(each.content.size()));
        if (!each.symlink.empty()) archive_entry_set_symlink(entry, each.symlink.c_str());
        if (!each.hardlink.empty()) archive_entry_set_hardlink(entry, each.hardlink.c_str());
        REQUIRE(archive_write_header(writer, entry) >= ARCHIVE_WARN);
        archive_write_data(writer, each.content.data(), each.content.size());
        archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
}

struct Place {
    TempFolder folder;
    fs::path archive = folder.path() / "package";
    fs::path to = folder.path() / "to";

    Place() { fs::create_directory(to); }
    std::string refusal(std::vector<Hostile> const& entries, UnpackLimits limits = wide) const
    {
        write_archive(archive, entries);
        return refusal(limits);
    }
    std::string refusal(UnpackLimits limits = wide) const
    {
        try {
            unpack(archive, to, limits);
            return "";
        } catch (std::runtime_error const& error) {
            return error.what();
        }
    }
    void write(std::string const& bytes) const { std::ofstream(archive, std::ios::binary) << bytes; }
};

std::string text_of(fs::path const& file)
{
    std::ifstream input(file);
    return {std::istreambuf_iterator<char>(input), {}};
}

mode_t mode_of(fs::path const& file)
{
    struct stat about {};
    REQUIRE(::lstat(file.c_str(), &about) == 0);
    return about.st_mode & 07777;
}

std::string pack_fault(fs::path const& folder, std::string const& version, std::size_t most = any_size)
{
    try {
        static_cast<void>(pack(folder, version, most));
        return "";
    } catch (std::runtime_error const& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("what is packed comes out as it was, with plain modes and its version", "[package]")
{
    TempFolder source;
    source.write("app-worker.py", "print(1)\n", true);
    source.write("lib/data.txt", std::string(100'000, 'x'));
    source.write(".git/config", "secret");
    source.write("lib/__pycache__/a.pyc", "x");
    fs::create_symlink("lib/data.txt", source.path() / "link");
    fs::create_directory(source.path() / "empty");
    ::chmod(source.file("lib/data.txt").c_str(), 0600);
    Place place;
    place.write(pack(source.path(), "1.2", any_size));
    REQUIRE(place.refusal().empty());
    CHECK(text_of(place.to / "app-worker.py") == "print(1)\n");
    CHECK(mode_of(place.to / "app-worker.py") == 0755);
    CHECK(mode_of(place.to / "lib/data.txt") == 0644);
    CHECK(fs::file_size(place.to / "lib/data.txt") == 100'000);
    CHECK(fs::read_symlink(place.to / "link") == "lib/data.txt");
    CHECK(fs::is_directory(place.to / "empty"));
    CHECK(text_of(place.to / "VERSION") == "1.2\n");
    CHECK_FALSE(fs::exists(place.to / ".git"));
    CHECK_FALSE(fs::exists(place.to / "lib/__pycache__"));
}

TEST_CASE(
    "the same files give the same package, whenever they were written and whoever owns them", "[package]")
{
    TempFolder one;
    TempFolder other;
    for (auto const* name : {"b", "a", "c/d"}) one.write(name, name);
    for (auto const* name : {"c/d", "a", "b"}) other.write(name, name);
    fs::last_write_time(other.path() / "a", fs::file_time_type::clock::now() - std::chrono::hours(100));
    CHECK(pack(one.path(), "1", any_size) == pack(other.path(), "1", any_size));
    other.write("a", "changed");
    CHECK(pack(one.path(), "1", any_size) != pack(other.path(), "1", any_size));
}

TEST_CASE("a folder that can't be packed is refused by the file's name", "[package]")
{
    TempFolder source;
    source.write("VERSION", "2.0\n");
    CHECK(pack_fault(source.path(), "1.0").find("VERSION") != std::string::npos);
    CHECK(pack_fault(source.path(), "2.0").empty());
    source.write("big", std::string(300'000, 'x') + std::to_string(std::rand()));
    CHECK_FALSE(pack_fault(source.path(), "2.0", 10).empty());
    fs::create_symlink("/etc/passwd", source.path() / "out");
    CHECK(pack_fault(source.path(), "2.0").find("out is a link") != std::string::npos);
    fs::remove(source.path() / "out");
    REQUIRE(::mkfifo(source.file("pipe").c_str(), 0600) == 0);
    CHECK(pack_fault(source.path(), "2.0").find("pipe") != std::string::npos);
    fs::remove(source.path() / "pipe");
    source.write(".deployed", "x");
    CHECK(pack_fault(source.path(), "2.0").find(".deployed") != std::string::npos);
}

TEST_CASE("a package that wants more than its own folder is refused", "[package]")
{
    Place place;
    auto const refused = [&](Hostile const& entry, std::string const& why) {
        INFO(entry.name);
        CHECK(place.refusal({entry}).find(why) != std::string::npos);
    };
    refused({"/etc/cron.d/evil"}, "absolute");
    refused({"../evil"}, "leads out");
    refused({"a/../../evil"}, "leads out");
    refused({".deployed"}, "reserved");
    refused({"setuid", AE_IFREG, 04755}, "set-user-ID");
    refused({"sticky", AE_IFDIR, 01777}, "sticky");
    refused({"device", AE_IFCHR, 0644}, "neither a file");
    refused({"fifo", AE_IFIFO, 0644}, "neither a file");
    refused({"out", AE_IFLNK, 0777, "", "/etc"}, "link");
    refused({"out", AE_IFLNK, 0777, "", "../.."}, "link");
    refused({"a/out", AE_IFLNK, 0777, "", "../../x"}, "link");
    refused({"hard", AE_IFREG, 0644, "", "", "/etc/passwd"}, "hard link");
    CHECK_FALSE(fs::exists(place.folder.path() / "evil"));
    for (auto const& entry : fs::recursive_directory_iterator(place.to)) CHECK_FALSE(entry.is_symlink());
}

TEST_CASE("nothing is written through a link of the package, nor over what is there", "[package]")
{
    Place place;
    CHECK(place
              .refusal({{"link", AE_IFLNK, 0777, "", "folder"}, {"folder", AE_IFDIR, 0755},
                  {"link/file", AE_IFREG, 0644, "x"}})
              .find("lies in what is no folder") != std::string::npos);
    CHECK_FALSE(fs::exists(place.to / "folder/file"));
    Place twice;
    CHECK(twice.refusal({{"a", AE_IFREG, 0644, "x"}, {"a", AE_IFREG, 0644, "y"}}).find("twice") !=
          std::string::npos);
    CHECK(text_of(twice.to / "a") == "x");
    Place hidden;
    CHECK(hidden.refusal({{"l", AE_IFLNK, 0777, "", "a"}, {"l", AE_IFREG, 0644, "y"}}).find("twice") !=
          std::string::npos);
}

TEST_CASE("a package has bounds, whatever its headers say", "[package]")
{
    Place many;
    CHECK(many.refusal({{"a"}, {"b"}, {"c"}}, {1'000, 2}).find("more than 2 entries") != std::string::npos);
    Place large;
    CHECK(large
              .refusal({{"a", AE_IFREG, 0644, std::string(600, 'x')},
                           {"b", AE_IFREG, 0644, std::string(600, 'x')}},
                  {1'000, 10})
              .find("more than 1000 bytes") != std::string::npos);
    Place bomb;
    TempFolder source;
    source.write("zeros", std::string(900'000, '\0'));
    bomb.write(pack(source.path(), "1", any_size));
    CHECK(bomb.refusal({100'000, 10}).find("more than 100000 bytes") != std::string::npos);
    Place deep;
    std::string path;
    for (int i = 0; i < 40; ++i) path += "d/";
    CHECK(deep.refusal({{path + "f"}}).find("deep") != std::string::npos);
}

TEST_CASE("what is no package, or only a part of one, is refused", "[package]")
{
    TempFolder source;
    source.write("file", std::string(50'000, 'x') + std::string(50'000, 'y'));
    auto const whole = pack(source.path(), "1", any_size);
    for (auto const& bytes : {std::string("no archive"), whole.substr(0, whole.size() / 2)}) {
        Place place;
        place.write(bytes);
        CHECK_FALSE(place.refusal().empty());
    }
}

TEST_CASE("a link stays inside where each step of it does", "[package]")
{
    CHECK(stays_inside("link", "file"));
    CHECK(stays_inside("a/link", "../file"));
    CHECK(stays_inside("a/b/link", "../../c/d"));
    CHECK(stays_inside("a/link", "./b"));
    CHECK_FALSE(stays_inside("link", ""));
    CHECK_FALSE(stays_inside("link", "/etc"));
    CHECK_FALSE(stays_inside("link", ".."));
    CHECK_FALSE(stays_inside("a/link", "../.."));
    CHECK_FALSE(stays_inside("a/link", "b/../../.."));
    // Behind a name that may be a link itself, `..` leads anywhere.
    CHECK_FALSE(stays_inside("a/b/link", "x/.."));
}
