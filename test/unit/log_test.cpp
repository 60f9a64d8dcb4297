#include "log/log_setup.hpp"

#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include "catch.hpp"
#include "log/log_lines.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;

namespace {

std::vector<std::string> lines_of(std::string const& path)
{
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

} // namespace

TEST_CASE("a record is one line with time and level, whatever is in its text", "[log]")
{
    auto const line =
        log_line(std::chrono::system_clock::time_point(std::chrono::milliseconds(1'795'479'706'123)),
            log::Level::warning, "two\nlines\x1b[0m");
    CHECK(std::regex_match(
        line, std::regex(R"(2026-11-2\d \d\d:\d\d:46\.123 warning two\\nlines\\x1b\[0m\n)")));
}

TEST_CASE("what would steer a terminal beyond ASCII is escaped too, and other letters are not", "[log]")
{
    auto const shown = [](std::string_view text) {
        auto const line = log_line({}, log::Level::error, text);
        auto const at = line.find("error ") + 6;
        return line.substr(at, line.size() - at - 1);
    };
    CHECK(shown("a\xC2\x9B"
                "31m") == "a\\xc2\\x9b31m");
    CHECK(shown("\u202Eexe.txt\u2066\u200F\u061C") ==
          "\\xe2\\x80\\xaeexe.txt\\xe2\\x81\\xa6\\xe2\\x80\\x8f\\xd8\\x9c");
    CHECK(shown("Grüße, ключ, 鍵 – é\xC2\xA0…") == "Grüße, ключ, 鍵 – é\xC2\xA0…");
    CHECK(shown("cut \xC2") == "cut \xC2");
    CHECK(shown("\xE2\n\xC2\n\x7F") == "\xE2\\n\xC2\\n\\x7f");
}

TEST_CASE("records from the level on are in the file, in order", "[log]")
{
    TempFolder folder;
    auto const path = folder.file("elves.log");
    {
        LogSetup setup({.level = log::Level::info, .file = path, .to_stderr = false});
        ELVES_LOG(debug, "not this");
        ELVES_LOG(info, "first " << 1);
        setup.set_level(log::Level::error);
        ELVES_LOG(warning, "nor this");
        ELVES_LOG(error, "second");
    }
    auto const lines = lines_of(path);
    REQUIRE(lines.size() == 2);
    CHECK_THAT(lines[0], Catch::EndsWith(" info first 1"));
    CHECK_THAT(lines[1], Catch::EndsWith(" error second"));
    struct stat about {};
    REQUIRE(::stat(path.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777U & ~0640U) == 0);
    CHECK(log::level() == log::Level::warning);
}

TEST_CASE("a log that was moved away is begun anew on reopen", "[log]")
{
    TempFolder folder;
    auto const path = folder.file("elves.log");
    {
        LogSetup setup({.level = log::Level::info, .file = path, .to_stderr = false});
        std::filesystem::rename(path, path + ".1");
        setup.reopen();
        ELVES_LOG(info, "after");
    }
    CHECK(lines_of(path).size() == 1);
}

TEST_CASE("a log file that cannot be opened is refused in one line", "[log]")
{
    CHECK_THROWS_WITH(LogSetup({.level = log::Level::info, .file = "/nowhere/elves.log", .to_stderr = false}),
        Contains("/nowhere/elves.log") && Contains("No such file"));
}

TEST_CASE("every record of many threads is written, or counted as dropped", "[log]")
{
    TempFolder folder;
    auto const path = folder.file("elves.log");
    constexpr std::size_t threads = 4;
    constexpr std::size_t each = 10'000;
    {
        LogSetup setup({.level = log::Level::info, .file = path, .to_stderr = false});
        std::vector<std::thread> all;
        for (std::size_t n = 0; n < threads; ++n) {
            all.emplace_back([] {
                for (std::size_t i = 0; i < each; ++i) ELVES_LOG(info, "record");
            });
        }
        for (auto& one : all) one.join();
    }
    std::size_t records = 0;
    std::size_t dropped = 0;
    std::regex const report(R"(.* warning (\d+) log records dropped.*)");
    for (auto const& line : lines_of(path)) {
        std::smatch found;
        if (std::regex_match(line, found, report)) {
            dropped += std::stoul(found[1]);
        } else {
            ++records;
        }
    }
    CHECK(records + dropped == threads * each);
}
