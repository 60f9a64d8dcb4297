#include "agent/app_folders.hpp"

#include <fstream>
#include <stdexcept>

#include <sys/stat.h>

#include "catch.hpp"
#include "elves/error.hpp"
#include "elves/sha256.hpp"
#include "package/pack.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::agent;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t any_size = 1'000'000;
constexpr UnpackLimits wide{1'000'000, 1'000};

struct Host {
    TempFolder folder;
    fs::path apps = folder.path() / "apps";
    AppFolders folders{apps};

    Host()
    {
        fs::create_directory(apps);
        fs::permissions(apps, fs::perms(0755));
        static_cast<void>(folders.lock(std::chrono::milliseconds(100)));
    }
    struct Package {
        Deployment deployment;
        fs::path file;
    };
    [[nodiscard]] Package package(std::string const& version) const
    {
        TempFolder source;
        source.write("app-worker.sh", "echo " + version, true);
        auto const bytes = pack(source.path(), version, any_size);
        auto const file = folder.write("package-" + version, bytes);
        return {{"greet", version, Sha256().hex(bytes), static_cast<std::int64_t>(bytes.size()), {}}, file};
    }
    std::string install(std::string const& version) const
    {
        auto const made = package(version);
        return folders.install(made.deployment, made.file, wide);
    }
    std::string fault(Package const& made) const
    {
        try {
            return "installed: " + folders.install(made.deployment, made.file, wide);
        } catch (std::exception const& problem) {
            return problem.what();
        }
    }
    [[nodiscard]] fs::path work(std::string const& name) const { return apps / ".deploy" / name; }
    [[nodiscard]] std::string version() const { return folders.version_of("greet"); }
};

ino_t inode_of(fs::path const& path)
{
    struct stat about {};
    REQUIRE(::lstat(path.c_str(), &about) == 0);
    return about.st_ino;
}

} // namespace

TEST_CASE("a deployment takes the app's place, and the version before can be put back once", "[deploy]")
{
    Host const host;
    CHECK(host.install("1") == "greet 1 is deployed");
    CHECK(host.install("2") == "greet 2 is deployed, in the place of 1");
    CHECK(host.version() == "2");
    CHECK(host.folders.is_deployed(host.package("2").deployment));
    CHECK_FALSE(host.folders.is_deployed(host.package("1").deployment));
    CHECK(host.folders.roll_back("greet") == "greet is rolled back to 1 from 2");
    CHECK(host.version() == "1");
    CHECK_THROWS_WITH(host.folders.roll_back("greet"), Catch::Contains("no version before"));
    for (auto const* place : {"forward", "back", "previous", "trash"}) CHECK(fs::is_empty(host.work(place)));
}

TEST_CASE("an app that came by other means is kept as the version before", "[deploy]")
{
    Host const host;
    host.folder.write("apps/greet/app-worker.sh", "by hand");
    CHECK(host.install("1") == "greet 1 is deployed, in the place of one without a version");
    CHECK(host.folders.roll_back("greet") == "greet is rolled back to one without a version from 1");
    CHECK(fs::exists(host.apps / "greet/app-worker.sh"));
}

TEST_CASE("a link to a version is exchanged like a folder", "[deploy]")
{
    Host const host;
    host.folder.write("apps/versions/greet-0/VERSION", "0\n");
    fs::create_directory_symlink("versions/greet-0", host.apps / "greet");
    CHECK(host.install("1") == "greet 1 is deployed, in the place of 0");
    CHECK(host.folders.roll_back("greet") == "greet is rolled back to 0 from 1");
    CHECK(fs::is_symlink(host.apps / "greet"));
    CHECK(host.version() == "0");
}

TEST_CASE("what fails leaves the old version and nothing else", "[deploy]")
{
    Host const host;
    static_cast<void>(host.install("1"));
    auto wrong_hash = host.package("2");
    wrong_hash.deployment.sha256 = std::string(64, '0');
    CHECK_THAT(host.fault(wrong_hash), Catch::Contains("SHA-256"));
    auto wrong_size = host.package("2");
    ++wrong_size.deployment.size;
    CHECK_THAT(host.fault(wrong_size), Catch::Contains("bytes"));
    auto wrong_version = host.package("2");
    wrong_version.deployment.version = "3";
    CHECK_THAT(host.fault(wrong_version), Catch::Contains("VERSION"));
    auto gone = host.package("2");
    fs::remove(gone.file);
    CHECK_THAT(host.fault(gone), Catch::Contains("bytes"));
    CHECK(host.version() == "1");
    for (auto const* place : {"forward", "back", "previous", "trash"}) CHECK(fs::is_empty(host.work(place)));
}

TEST_CASE("a manifest that the agent would refuse is refused before the switch", "[deploy]")
{
    Host const host;
    TempFolder source;
    source.write("app.json", "{\"functions\": 5}");
    auto const bytes = pack(source.path(), "2", any_size);
    Host::Package const made{{"greet", "2", Sha256().hex(bytes), static_cast<std::int64_t>(bytes.size()), {}},
        host.folder.write("p", bytes)};
    CHECK_THAT(host.fault(made), Catch::Contains("app.json"));
    CHECK_FALSE(fs::exists(host.apps / "greet"));
}

TEST_CASE(
    "after a crash before the switch the old version is there, and its staged successor gone", "[deploy]")
{
    Host const host;
    static_cast<void>(host.install("1"));
    auto const staged = host.work("forward") / "staged";
    fs::create_directory(staged);
    fs::rename(staged, host.work("forward") / ("greet." + std::to_string(inode_of(staged))));
    fs::create_directory(host.work("forward") / "greet.new");
    host.folder.write("apps/.deploy/fetched/0123456789ABCDEF", "half");
    host.folder.write("apps/.deploy/trash/greet.1/file", "old");
    host.folders.recover();
    CHECK(host.version() == "1");
    for (auto const* place : {"fetched", "forward", "back", "previous", "trash"})
        CHECK(fs::is_empty(host.work(place)));
}

TEST_CASE("after a crash behind the switch the old version is kept for a roll-back", "[deploy]")
{
    Host const host;
    static_cast<void>(host.install("1"));
    // As the exchange leaves it: the name has the inode of what is the app's folder now.
    fs::rename(host.apps / "greet", host.work("forward") / "old");
    host.folder.write("apps/greet/VERSION", "2\n");
    auto const name = "greet." + std::to_string(inode_of(host.apps / "greet"));
    fs::rename(host.work("forward") / "old", host.work("forward") / name);
    host.folders.recover();
    CHECK(host.version() == "2");
    CHECK(host.folders.roll_back("greet") == "greet is rolled back to 1 from 2");
}

TEST_CASE("after a crash in a roll-back it can be tried again, or has happened", "[deploy]")
{
    Host const host;
    static_cast<void>(host.install("1"));
    static_cast<void>(host.install("2"));
    auto const previous = host.work("previous") / "greet";
    auto const before = host.work("back") / ("greet." + std::to_string(inode_of(previous)));
    fs::rename(previous, before);
    host.folders.recover();
    CHECK(host.version() == "2");
    CHECK(host.folders.roll_back("greet") == "greet is rolled back to 1 from 2");
    host.folder.write("apps/.deploy/back/greet.1/VERSION", "2\n");
    host.folders.recover();
    CHECK(fs::is_empty(host.work("back")));
    CHECK(host.version() == "1");
}

TEST_CASE("two processes do not deploy into one folder at once", "[deploy]")
{
    Host const host;
    auto const held = host.folders.lock(std::chrono::milliseconds(100));
    CHECK_THROWS_WITH(host.folders.lock(std::chrono::milliseconds(100)), Catch::Contains("another process"));
}
