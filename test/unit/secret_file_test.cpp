#include "core/secret_file.hpp"

#include <sys/stat.h>

#include "catch.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;

namespace {

using Lines = std::vector<std::string>;

class SecretFile {
public:
    explicit SecretFile(std::string const& text) : path_(folder_.write("secret", text).string())
    {
        REQUIRE(::chmod(path_.c_str(), 0600) == 0);
    }
    [[nodiscard]] std::string const& path() const { return path_; }
    [[nodiscard]] Lines lines() const { return read_secret_file(path_).value(); }

private:
    TempFolder folder_;
    std::string path_;
};

} // namespace

TEST_CASE("a secret file is trimmed: byte order mark, line ends, blanks, and blank lines at its ends",
    "[secret_file]")
{
    for (std::string const text : {"a\nb", "a\nb\n", "a\r\nb\r\n",
             "\xef\xbb\xbf"
             "a\nb",
             " a\t \n\tb  ", "\r\n\n  \na\nb\n\n \r\n", "a\v\nb\f"}) {
        CAPTURE(text);
        CHECK(SecretFile(text).lines() == Lines{"a", "b"});
    }
    CHECK(SecretFile("a\n\nb").lines() == Lines{"a", "", "b"});
    CHECK(SecretFile("").lines().empty());
    CHECK(SecretFile(" \n\r\n").lines().empty());
}

TEST_CASE(
    "a secret file that is not there is nothing, and any other fault says what mends it", "[secret_file]")
{
    TempFolder const folder;
    CHECK_FALSE(read_secret_file(folder.file("none")));
    CHECK_THROWS_WITH(read_secret_file(folder.path().string()), Contains("no plain file"));
    CHECK_THROWS_WITH(SecretFile(std::string(4097, 'x')).lines(), Contains("over 4096 bytes"));
    CHECK(SecretFile(std::string(4096, 'x')).lines().front().size() == 4096);
    CHECK_THROWS_WITH(SecretFile(std::string("\xff\xfe"
                                             "a\0",
                                     4))
                          .lines(),
        Contains("save it as UTF-8"));
    CHECK_THROWS_WITH(SecretFile(std::string("a\0b", 3)).lines(), Contains("save it as UTF-8"));
    SecretFile const shared("a");
    REQUIRE(::chmod(shared.path().c_str(), 0640) == 0);
    CHECK_THROWS_WITH(shared.lines(), Contains("chmod 600 " + shared.path()));
}

TEST_CASE(
    "a pipe is a secret file only where it may be one, and is never waited for elsewhere", "[secret_file]")
{
    TempFolder const folder;
    auto const path = folder.file("pipe");
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK_THROWS_WITH(read_secret_file(path), Contains("no plain file"));
}
