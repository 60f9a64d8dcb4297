#include "rpc/pem_file.hpp"

#include <fstream>
#include <iterator>

#include "catch.hpp"
#include "support/temp_folder.hpp"

using namespace elves;

namespace {

std::string read(char const* path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

} // namespace

TEST_CASE("a PEM file is read without the byte order mark before it", "[tls]")
{
    TempFolder const folder;
    std::string const text = "-----BEGIN CERTIFICATE-----\r\nMII=\r\n-----END CERTIFICATE-----\r\n";
    auto const plain = folder.write("plain.pem", text).string();
    auto const marked = folder.write("marked.pem", "\xEF\xBB\xBF" + text).string();
    CHECK(PemFile(plain).path() == plain);
    PemFile const file(marked);
    CHECK(file.path() != marked);
    CHECK(read(file.path()) == text);
    CHECK(read(file.path()) == text); // As often as it is opened.
}

TEST_CASE("a PEM file that is not there is left to whoever opens it", "[tls]")
{
    CHECK(PemFile("/nonexistent.pem").path() == std::string("/nonexistent.pem"));
}
