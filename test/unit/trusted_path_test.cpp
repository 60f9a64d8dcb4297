#include "core/trusted_path.hpp"

#include <array>
#include <cstdint>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/conf_file.hpp"
#include "agent/registration.hpp"
#include "catch.hpp"
#include "core/trusted_settings.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::agent;
namespace fs = std::filesystem;

namespace {

/// folder/apps/demo/bin/work, all as it should be.
struct Place {
    TempFolder folder;
    fs::path file;

    Place() : file(folder.write("apps/demo/bin/work", "", true))
    {
        for (auto path = file; path != folder.path(); path = path.parent_path()) mode(path, 0755);
    }
    static void mode(fs::path const& path, mode_t bits) { REQUIRE(::chmod(path.c_str(), bits) == 0); }
    [[nodiscard]] std::string fault() const { return untrusted(file, ::geteuid()).value_or(""); }
    [[nodiscard]] std::string at(std::string const& name) const { return folder.file(name); }
};

/// Has our own group nobody else in it, and our name? Where a machine's users share one it has not.
bool own_group_is_private()
{
    auto const* const user = ::getpwuid(::geteuid());
    auto const* const group = user != nullptr ? ::getgrgid(user->pw_gid) : nullptr;
    return group != nullptr && group->gr_gid != 0 && std::string(group->gr_name) == user->pw_name &&
           *group->gr_mem == nullptr;
}

} // namespace

TEST_CASE("what only we and root can change is trusted", "[trusted-path]")
{
    Place const place;
    CHECK(place.fault().empty());
    CHECK_FALSE(untrusted("/bin/../usr/bin/env", ::geteuid()).value_or("").find("mode") == 0);
    CHECK_FALSE(untrusted(fs::canonical("/usr/bin/env"), ::geteuid()));
}

TEST_CASE("the folder of each link on the way is looked at, and nothing but links", "[trusted-path]")
{
    Place const place;
    auto const fault = [&](std::string const& path) {
        return untrusted_links(place.at(path), ::geteuid()).value_or("");
    };
    fs::create_directory(place.at("open"));
    fs::create_directory_symlink("../apps", place.at("open/link"));
    fs::create_directory_symlink("open/link", place.at("around"));
    fs::create_directory_symlink("./apps/", place.at("dotted"));
    fs::create_symlink("demo", place.at("apps/alias"));
    CHECK(fault("open/link/demo/bin/work").empty());
    CHECK(fault("dotted/./alias/bin/work").empty());
    Place::mode(place.at("open"), 0777);
    for (std::string const path :
        {"open/link", "open/link/demo/bin/work", "around/demo", "apps/../open/link"}) {
        INFO(path);
        CHECK(fault(path).starts_with(place.at("open")));
    }
    CHECK(fault("apps/demo/bin/work").empty());
    CHECK(fault("open/nothing").empty());
    fs::create_symlink("loop", place.at("loop"));
    CHECK(fault("loop") == place.at("loop") + " leads nowhere");
}

TEST_CASE("a path that is relative or leads over links is looked at whole", "[trusted-path]")
{
    Place const place;
    auto const fault = [](fs::path const& path) {
        return untrusted_anywhere(path, ::geteuid()).value_or("");
    };
    fs::create_directory(place.at("open"));
    fs::create_symlink("../apps/demo/bin/work", place.at("open/link"));
    CHECK(fault(place.at("open/link")).empty());
    CHECK(fault(fs::relative(place.file)).empty());
    Place::mode(place.at("open"), 0777);
    CHECK(fault(place.at("open/link")).starts_with(place.at("open") + " has mode 0777"));
    Place::mode(place.at("open"), 0755);
    Place::mode(place.at("apps/demo"), 0777);
    CHECK(fault(place.at("open/link")).starts_with(place.at("apps/demo") + " has mode 0777"));
    CHECK(fault(fs::relative(place.file)).starts_with(place.at("apps/demo") + " has mode 0777"));
    CHECK(fault(place.at("nothing")).starts_with(place.at("nothing") + " can't be looked at: "));
}

TEST_CASE("settings are read from a file that nobody else can change, or from a descriptor", "[trusted-path]")
{
    Place const place;
    auto const path = place.folder.write("elves.conf", "[server]\nlisten = 127.0.0.1:1\n").string();
    auto const said = [](std::string const& from) -> std::string {
        try {
            static_cast<void>(read_trusted_settings(from));
            return "";
        } catch (SettingsError const& refused) {
            return refused.what();
        }
    };
    Place::mode(path, 0644);
    CHECK(said(path).empty());
    Place::mode(path, 0666);
    CHECK(said(path) == path + ": settings file is not trusted: " + path +
                            " has mode 0666: anybody may change it; chmod o-w " + path);
    CHECK(said(place.at("none.conf")).find("cannot be read") != std::string::npos);
    CHECK(said("/dev/null").empty());
    int const fd = ::open(path.c_str(), O_RDONLY);
    CHECK(said("/dev/fd/" + std::to_string(fd)).empty());
    ::close(fd);
    CHECK_FALSE(said("/dev/fd/../../" + path).empty());
}

TEST_CASE("what anybody may write is refused with path, mode and cure, wherever on the way", "[trusted-path]")
{
    Place const place;
    for (std::string const name : {"apps", "apps/demo", "apps/demo/bin", "apps/demo/bin/work"}) {
        Place::mode(place.at(name), 0757);
        CHECK(place.fault() ==
              place.at(name) + " has mode 0757: anybody may change it; chmod o-w " + place.at(name));
        Place::mode(place.at(name), 0755);
    }
    CHECK(place.fault().empty());
}

TEST_CASE("a folder like /tmp may lead there, but is no app's folder", "[trusted-path]")
{
    Place const place;
    Place::mode(place.at("apps"), 01777);
    CHECK(place.fault().empty());
    CHECK(untrusted(place.at("apps"), ::geteuid()).value_or("").find("has mode 1777") != std::string::npos);
}

TEST_CASE("a group that may write is refused, but for the owner's own", "[trusted-path]")
{
    Place const place;
    Place::mode(place.file, 0775);
    if (own_group_is_private()) {
        REQUIRE(::chown(place.file.c_str(), static_cast<uid_t>(-1), ::getpwuid(::geteuid())->pw_gid) == 0);
        CHECK(place.fault().empty());
    }
    if (::geteuid() != 0) return;
    REQUIRE(::chown(place.file.c_str(), 0, 1) == 0);
    CHECK(place.fault() == place.file.string() +
                               " has mode 0775: its group may change it, and is not its owner's "
                               "alone; chmod g-w " +
                               place.file.string());
    Place::mode(place.file, 0755);
    CHECK(place.fault().empty());
}

TEST_CASE("what root's group may write is refused: it may be anybody's first group", "[trusted-path]")
{
    if (::geteuid() != 0) return;
    Place const place;
    REQUIRE(::chown(place.at("apps/demo").c_str(), 0, 0) == 0);
    Place::mode(place.at("apps/demo"), 0775);
    CHECK(place.fault().starts_with(place.at("apps/demo") + " has mode 0775: its group may change it"));
}

TEST_CASE("what an access list lets another user write is refused", "[trusted-path]")
{
    Place const place;
    // acl(5) as the kernel keeps it: version 2, then tag, rights, id each.
    struct Entry {
        std::uint16_t tag, rights;
        std::uint32_t id;
    };
    struct {
        std::uint32_t version = 2;
        std::array<Entry, 5> entries{
            {{0x01, 7, ~0U}, {0x02, 7, 12345}, {0x04, 5, ~0U}, {0x10, 7, ~0U}, {0x20, 5, ~0U}}};
    } const list;
    auto const path = place.at("apps/demo");
    if (::setxattr(path.c_str(), "system.posix_acl_access", &list, sizeof list, 0) != 0) return;
    CHECK(place.fault().starts_with(path + " has "));
}

TEST_CASE("an app's version is read from a plain file that only we and root can change", "[trusted-path]")
{
    Place const place;
    auto const version = [&] { return std::string(installed_apps(place.at("apps")).at("demo").as_string()); };
    CHECK(version().empty());
    auto const file = place.folder.write("apps/demo/VERSION", "1.2.3\nmore");
    Place::mode(file, 0644);
    CHECK(version() == "1.2.3");
    Place::mode(place.at("apps/demo"), 0757);
    CHECK(version().empty());
    Place::mode(place.at("apps/demo"), 0755);
    fs::remove(file);
    fs::create_symlink(place.folder.write("secret", "elv_secret"), file);
    CHECK(version().empty());
    fs::remove(file);
    REQUIRE(::mkfifo(file.c_str(), 0644) == 0);
    CHECK(version().empty());
    fs::remove(file);
    fs::create_directory(file);
    CHECK(version().empty());
}

TEST_CASE("what belongs to another user is refused, though nobody else may write it", "[trusted-path]")
{
    if (::geteuid() != 0) return;
    Place const place;
    for (std::string const name : {"apps", "apps/demo", "apps/demo/bin/work"}) {
        REQUIRE(::chown(place.at(name).c_str(), 65534, 0) == 0);
        CHECK(place.fault() == place.at(name) +
                                   " belongs to nobody (mode 0755), who could change it; chown root " +
                                   place.at(name));
        CHECK(untrusted(place.file, 65534).value_or("").empty());
        REQUIRE(::chown(place.at(name).c_str(), 0, 0) == 0);
    }
}

TEST_CASE("a part that has become a link since it was looked up is not followed", "[trusted-path]")
{
    Place const place;
    fs::rename(place.at("apps/demo"), place.at("apps/real"));
    fs::create_directory_symlink("real", place.at("apps/demo"));
    CHECK(place.fault() == place.at("apps/demo") + " has just become a link; try again");
    fs::remove(place.at("apps/demo"));
    CHECK(place.fault() == place.at("apps/demo") + " can't be looked at: No such file or directory");
}

TEST_CASE("the agent's key for TLS is as secret as its token", "[conf-file]")
{
    TempFolder const folder;
    AgentSettings settings;
    settings.tls_key = folder.write("agent.pem", "").string();
    auto const said = [&]() -> std::string {
        try {
            check_tls_key(settings);
            return "";
        } catch (SettingsError const& refused) {
            return refused.what();
        }
    };
    Place::mode(settings.tls_key, 0600);
    CHECK(said().empty());
    Place::mode(settings.tls_key, 0644);
    CHECK(said() == settings.tls_key + ": there is a key in it, and anybody may read it; chmod o-r " +
                        settings.tls_key);
    if (::geteuid() != 0) return;
    Place::mode(settings.tls_key, 0640);
    REQUIRE(::chown(settings.tls_key.c_str(), 0, 1) == 0);
    CHECK(said().find("its group, which is not the agent's, may read it") != std::string::npos);
    REQUIRE(::chown(settings.tls_key.c_str(), 65534, 0) == 0);
    CHECK(said().find(" belongs to nobody") != std::string::npos);
}

TEST_CASE(
    "a settings file is the agent's alone: to write always, to read once there is a token", "[conf-file]")
{
    TempFolder const folder;
    auto const path = folder.write("agent.conf", "").string();
    AgentSettings settings;
    auto const said = [&]() -> std::string {
        try {
            check_conf_file(path, settings);
            return "";
        } catch (SettingsError const& refused) {
            return refused.what();
        }
    };
    Place::mode(path, 0644);
    CHECK(said().empty());
    Place::mode(path, 0646);
    CHECK(said() == path + " has mode 0646: anybody may change it; chmod o-w " + path);
    settings.token = "secret";
    Place::mode(path, 0644);
    CHECK(said() == path + ": there is a token in it, and anybody may read it; chmod o-r " + path);
    Place::mode(path, 0640);
    CHECK(said().empty()); // our own group
    Place::mode(path, 0600);
    CHECK(said().empty());
    check_conf_file("/dev/null", settings);
    if (::geteuid() != 0) return;
    Place::mode(path, 0640);
    REQUIRE(::chown(path.c_str(), 0, 1) == 0);
    CHECK(said() ==
          path +
              ": there is a token in it, and its group, which is not the agent's, may read it; chmod g-r " +
              path);
}
