#include "store/disk_space.hpp"

#include <fstream>

#include "catch.hpp"
#include "support/log_capture.hpp"
#include "support/temp_folder.hpp"

using namespace elves;

TEST_CASE("the room of a data file is measured with its -wal file", "[store]")
{
    TempFolder folder;
    auto const path = folder.file("elves.db");
    std::ofstream(path) << std::string(1000, 'x');
    CHECK(measure_disk_space(path).file == 1000);
    CHECK(measure_disk_space(path).wal == 0);
    std::ofstream(path + "-wal") << std::string(300, 'x');
    auto const space = measure_disk_space(path);
    CHECK(space.wal == 300);
    CHECK(space.free > 0);
}

TEST_CASE("too little room is a warning until there is a quarter more than the limit", "[store]")
{
    DiskSpaceWatch watch({1000, 0});
    auto const checks = [&](std::int64_t free) {
        watch.see({1, 1'000'000, free});
        return watch.warnings().size();
    };
    CHECK(checks(1000) == 0);
    CHECK(checks(999) == 1);
    CHECK(watch.warnings().front().check == "store.space");
    CHECK(checks(1200) == 1);
    CHECK(checks(-1) == 1); // It can't be asked: nothing is known to have changed.
    CHECK(checks(1250) == 0);
    CHECK(checks(1000) == 0);
}

TEST_CASE("a -wal file that has grown beyond its limit is a warning", "[store]")
{
    DiskSpaceWatch watch({0, 1000});
    auto const checks = [&](std::int64_t wal) {
        watch.see({1, wal, 0});
        return watch.warnings().size();
    };
    CHECK(checks(1000) == 0);
    CHECK(checks(1001) == 1);
    CHECK(watch.warnings().front().check == "store.wal");
    CHECK(checks(800) == 1);
    CHECK(checks(750) == 0);
}
