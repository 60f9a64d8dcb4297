#include "agent/own_key.hpp"

#include <filesystem>

#include <sys/stat.h>

#include "catch.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using namespace elves::agent;

namespace {

mode_t mode_of(std::string const& path)
{
    struct stat about {};
    REQUIRE(::stat(path.c_str(), &about) == 0);
    return about.st_mode & 07777;
}

std::string refusal(std::string const& path)
{
    try {
        static_cast<void>(read_own_key(path));
        return "";
    } catch (std::exception const& problem) {
        return problem.what();
    }
}

} // namespace

TEST_CASE("an agent's own token is made once, in a file for its owner alone", "[own_key]")
{
    TempFolder const folder;
    auto const path = folder.file("agent.key");
    CHECK_FALSE(read_own_key(path));
    auto const before = ::umask(0);
    auto const token = make_own_key(path).token;
    ::umask(before);
    CHECK(mode_of(path) == 0600);
    CHECK(read_own_key(path)->token == token);
    CHECK_THROWS(make_own_key(path));
    CHECK(read_own_key(path)->token == token);
    CHECK(make_own_key(folder.file("other.key")).token != token);
}

TEST_CASE("which key a server made of it is noted beside the token, in a file as private", "[own_key]")
{
    TempFolder const folder;
    auto const path = folder.file("agent.key");
    auto key = make_own_key(path);
    CHECK(read_own_key(path)->id.empty());
    key.id = "0123456789ABCDEF";
    auto const before = ::umask(0);
    replace_own_key(path, key);
    ::umask(before);
    CHECK(read_own_key(path)->token == key.token);
    CHECK(read_own_key(path)->id == key.id);
    CHECK(mode_of(path) == 0600);
    CHECK_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_CASE("a key file that passed through an editor is the same key", "[own_key]")
{
    TempFolder const folder;
    auto const path = folder.file("agent.key");
    auto key = make_own_key(path, std::string(64, 'a'));
    for (std::string const id : {"", "0123456789ABCDEF"}) {
        folder.write(
            "agent.key", "\xef\xbb\xbf\n" + key.token + " \r\n" + id + "\t\r\n " + key.pin + " \r\n\r\n");
        CHECK(read_own_key(path)->token == key.token);
        CHECK(read_own_key(path)->id == id);
        CHECK(read_own_key(path)->pin == key.pin);
    }
}

TEST_CASE("what a crash left half made is no key, and in nobody's way", "[own_key]")
{
    TempFolder const folder;
    auto const path = folder.file("agent.key");
    folder.write("agent.key.new", "elv_ha");
    CHECK_FALSE(read_own_key(path));
    auto const token = make_own_key(path).token;
    CHECK(read_own_key(path)->token == token);
    CHECK_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_CASE("a key file that others may use is refused with what mends it", "[own_key]")
{
    TempFolder const folder;
    auto const path = folder.file("agent.key");
    static_cast<void>(make_own_key(path));
    for (mode_t const mode : {0644, 0640, 0620, 0601, 0660}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        CHECK(refusal(path).ends_with("chmod 600 " + path));
    }
    REQUIRE(::chmod(path.c_str(), 0400) == 0);
    CHECK(refusal(path).empty());
}

TEST_CASE("a file with something else in it is no key", "[own_key]")
{
    TempFolder const folder;
    for (std::string const text : {"", "\n", "elv_short", "hello", "-----BEGIN PRIVATE KEY-----"}) {
        auto const path = folder.write("agent.key", text).string();
        REQUIRE(::chmod(path.c_str(), 0600) == 0);
        CHECK(refusal(path).find("move it away") != std::string::npos);
    }
    CHECK(refusal(folder.path().string()).find("chmod") == std::string::npos);
    CHECK_FALSE(refusal(folder.path().string()).empty());
}

TEST_CASE(
    "by which certificate a server is known is noted behind the key, and without a key, too", "[own_key]")
{
    TempFolder const folder;
    auto const path = folder.file("agent.key");
    std::string const pin(64, 'a');
    auto key = make_own_key(path, pin);
    CHECK(read_own_key(path)->token == key.token);
    CHECK(read_own_key(path)->id.empty());
    CHECK(read_own_key(path)->pin == pin);
    key.id = "0123456789ABCDEF";
    replace_own_key(path, key);
    CHECK(read_own_key(path)->id == key.id);
    CHECK(read_own_key(path)->pin == pin);
    key.pin.clear();
    replace_own_key(path, key);
    CHECK(read_own_key(path)->id == key.id);
    CHECK(read_own_key(path)->pin.empty());
}
