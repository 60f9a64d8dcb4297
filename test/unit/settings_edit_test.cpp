#include "core/settings_edit.hpp"

#include <filesystem>

#include "catch.hpp"

using namespace elves;

namespace {

constexpr char const* sample = "# A file.\n"
                               "[server]\n"
                               "listen = 127.0.0.1:7788   # here\n"
                               "# A socket.\n"
                               "#socket = /run/x\n"
                               "\n"
                               "[store]\n"
                               "path = a.db\n";

} // namespace

TEST_CASE("a setting is changed in its section, and every other line stays", "[settings_edit]")
{
    std::string text = sample;
    CHECK(with_setting(text, "server", "listen", "[::]:7788") ==
          text.replace(text.find("listen"), std::string("listen = 127.0.0.1:7788   # here").size(),
              "listen = [::]:7788"));
}

TEST_CASE("a setting that was not given comes behind its commented default", "[settings_edit]")
{
    auto const text = with_setting(sample, "server", "socket", "/run/y");
    CHECK(text.find("#socket = /run/x\nsocket = /run/y\n\n[store]") != std::string::npos);
}

TEST_CASE(
    "one without a default comes at the end of its section, and a new section at the end", "[settings_edit]")
{
    CHECK(with_setting(sample, "server", "new", "1").find("#socket = /run/x\nnew = 1\n\n[store]") !=
          std::string::npos);
    CHECK(with_setting(sample, "tls", "cert", "/c").ends_with("path = a.db\n\n[tls]\ncert = /c\n"));
    CHECK(with_setting("", "tls", "cert", "/c") == "\n[tls]\ncert = /c\n");
}

TEST_CASE("a key of another section is another key", "[settings_edit]")
{
    CHECK(with_setting(sample, "store", "listen", "1").ends_with("path = a.db\nlisten = 1\n"));
    CHECK(without_setting(sample, "store", "listen") == sample);
}

TEST_CASE("a setting is taken out, and its commented default stays", "[settings_edit]")
{
    auto const text = with_setting(sample, "server", "socket", "/run/y");
    CHECK(without_setting(text, "server", "socket") == sample);
    CHECK(without_setting(sample, "server", "listen").find("listen") == std::string::npos);
}

TEST_CASE("a value that would not be read back is refused", "[settings_edit]")
{
    for (auto const* const value : {"", "a\nb", "a # b", "\"a\"", " a"})
        CHECK_THROWS_AS(with_setting(sample, "server", "listen", value), std::invalid_argument);
}

TEST_CASE("a file is replaced as a whole, with the mode that was asked for", "[settings_edit]")
{
    auto const folder = std::filesystem::temp_directory_path() / "elves-settings-edit";
    std::filesystem::create_directories(folder);
    auto const path = (folder / "a.conf").string();
    auto owner = owner_of(folder.string());
    owner.mode = 0640;
    replace_text_file(path, "one\n", owner);
    CHECK(read_text_file(path) == "one\n");
    CHECK(owner_of(path).mode == 0640);
    auto const link = (folder / "link.conf").string();
    std::filesystem::remove(link);
    std::filesystem::create_symlink(path, link);
    replace_text_file(link, "two\n", owner_of(path));
    CHECK(std::filesystem::is_symlink(link));
    CHECK(read_text_file(path) == "two\n");
    CHECK_THROWS_AS(replace_text_file((folder / "no" / "a").string(), "x", owner), std::runtime_error);
    CHECK_THROWS_AS(read_text_file(folder.string()), std::runtime_error);
    std::filesystem::remove_all(folder);
}
