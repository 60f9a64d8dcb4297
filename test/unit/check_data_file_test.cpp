#include "store/check_data_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "catch.hpp"
#include "store/file_lock.hpp"
#include "store/open_db.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::string const one = "-- migration 1: t\nCREATE TABLE t (n INTEGER) STRICT;\n";
std::string const two = one + "-- migration 2: u\nCREATE TABLE u (n INTEGER) STRICT;\n";

struct Folder {
    TempFolder folder;
    std::string path = folder.file("elves.db");

    void make(std::string const& module, std::string const& schema) const
    {
        make_or_check_file(path);
        migrate(*open_db(path, Access::read_write), {{module, schema}});
    }
    void script(std::string const& sql) const
    {
        make_or_check_file(path);
        open_db(path, Access::read_write)->script(sql);
    }
    [[nodiscard]] std::vector<std::string> files() const
    {
        std::vector<std::string> names;
        for (auto const& entry : fs::directory_iterator(folder.path()))
            names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }
};

} // namespace

TEST_CASE(
    "a data file that could be made, or brought up to date, is fine and stays as it is", "[check_data_file]")
{
    Folder const at;
    CHECK_FALSE(check_data_file(at.path, {{"m", one}}));
    CHECK(at.files().empty());
    at.make("m", one);
    auto const before = fs::last_write_time(at.path);
    CHECK_FALSE(check_data_file(at.path, {{"m", two}}));
    CHECK(fs::last_write_time(at.path) == before);
    CHECK(at.files() == std::vector<std::string>{"elves.db"});
}

TEST_CASE("a data file that a start would refuse is refused in the same words", "[check_data_file]")
{
    Folder const at;
    auto const says = [&](std::vector<Schema> const& schemas, std::string const& text) {
        CHECK_THROWS_WITH(check_data_file(at.path, schemas), Contains(text));
        CHECK_THROWS_WITH(migrate(*open_db(at.path, Access::read_write), schemas), Contains(text));
    };
    SECTION("of a newer program")
    {
        at.make("m", two);
        says({{"m", one}}, "newer program");
    }
    SECTION("of another program")
    {
        at.script("CREATE TABLE songs (name TEXT)");
        says({{"m", one}}, "tables of another program");
    }
    SECTION("an agent's journal, for a server")
    {
        at.make("agent", one);
        says({{"m", one}}, "journal of an elves-agent");
    }
    SECTION("a server's data, for an agent")
    {
        at.make("m", one);
        says({{"agent", one}}, "data file of an elvesd");
    }
}

TEST_CASE("pages that do not fit together are found", "[check_data_file]")
{
    Folder const at;
    at.make("m", one);
    at.script("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
              " INSERT INTO t SELECT i FROM n");
    std::fstream file(at.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-8192, std::ios::end);
    file << std::string(8192, '\xff');
    file.close();
    CHECK_THROWS_WITH(check_data_file(at.path, {{"m", one}}), Contains("damaged"));
}

TEST_CASE(
    "who has a data file in use is named, and a lock that cannot be had is refused", "[check_data_file]")
{
    Folder const at;
    at.make("m", one);
    {
        FileLock const held(at.path);
        CHECK(check_data_file(at.path, {{"m", one}}) == "process " + std::to_string(::getpid()));
    }
    CHECK_FALSE(check_data_file(at.path, {{"m", one}}));
    fs::remove(at.path + ".lock");
    fs::create_directory(at.path + ".lock");
    CHECK_THROWS_WITH(check_data_file(at.path, {{"m", one}}), Contains(at.path + ".lock: this is a folder"));
    CHECK_THROWS_WITH(FileLock(at.path), Contains(at.path + ".lock: this is a folder"));
}
