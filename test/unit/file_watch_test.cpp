#include "store/file_watch.hpp"

#include <filesystem>

#include "catch.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
namespace fs = std::filesystem;

TEST_CASE("a file that is removed, replaced or put back under its name is noticed", "[file_watch]")
{
    TempFolder const folder;
    auto const path = folder.write("elves.db", "data").string();
    FileWatch watch(path);
    CHECK(watch.look().empty());
    fs::rename(path, path + ".away");
    CHECK(watch.look() == path + " was removed");
    folder.write("elves.db", "data");
    CHECK(watch.look() == path + " was replaced by another file");
    fs::rename(path + ".away", path);
    CHECK(watch.look().empty());
    folder.write("elves.db", "more data");
    CHECK(watch.look().empty());
}

TEST_CASE("what SQLite keeps beside a file counts from when it is first seen", "[file_watch]")
{
    TempFolder const folder;
    auto const path = folder.write("elves.db", "data").string();
    FileWatch watch(path);
    auto const wal = folder.write("elves.db-wal", "1").string();
    CHECK(watch.look().empty());
    fs::remove(wal);
    CHECK(watch.look() == wal + " was removed");
    // The connection was opened anew.
    watch.forget_companions();
    CHECK(watch.look().empty());
    auto const shm = folder.write("elves.db-shm", "1").string();
    CHECK(watch.look().empty());
    fs::rename(shm, shm + ".away");
    folder.write("elves.db-shm", "2");
    CHECK(watch.look() == shm + " was replaced by another file");
}
