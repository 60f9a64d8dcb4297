#include "http/console_files.hpp"

#include "catch.hpp"

#include <set>
#include <string>

using elves::http::console_files;

TEST_CASE("a built console has an index, and each path once", "[console]")
{
    auto const files = console_files();
    if (files.empty()) return; // -DELVES_CONSOLE=OFF
    std::set<std::string_view> paths;
    for (auto const& file : files) paths.insert(file.path);
    CHECK(paths.contains("/console/"));
    CHECK(paths.size() == files.size());
}

TEST_CASE("each file of the console is gzip, with a type and a quoted etag", "[console]")
{
    for (auto const& file : console_files()) {
        CAPTURE(std::string(file.path));
        CHECK(file.path.starts_with("/console/"));
        CHECK(file.gzip_body.starts_with("\x1f\x8b"));
        CHECK_FALSE(file.content_type.empty());
        CHECK(file.etag.size() > 2);
        CHECK(file.etag.starts_with('"'));
        CHECK(file.etag.ends_with('"'));
    }
}

TEST_CASE("the console's first page fits into 60 KiB", "[console]")
{
    std::size_t bytes = 0;
    for (auto const& file : console_files()) bytes += file.gzip_body.size();
    CHECK(bytes <= 60 * 1024);
}

TEST_CASE("the console's index is asked for again, and what it names is not", "[console]")
{
    for (auto const& file : console_files()) {
        CAPTURE(std::string(file.path));
        bool const has_digest = file.path.ends_with(".js") || file.path.ends_with(".css");
        CHECK(file.immutable == has_digest);
    }
}
