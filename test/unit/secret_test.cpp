#include "elves/secret.hpp"

#include <set>

#include "catch.hpp"

using namespace elves;
using namespace std::string_view_literals;

TEST_CASE("SHA-256 is that of FIPS 180", "[secret]")
{
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex("a\0b"sv) != sha256_hex("a"));
}

TEST_CASE("secrets are compared whole", "[secret]")
{
    CHECK(equal_in_constant_time("", ""));
    CHECK(equal_in_constant_time("token", "token"));
    CHECK_FALSE(equal_in_constant_time("token", "tokem"));
    CHECK_FALSE(equal_in_constant_time("token", "toke"));
    CHECK_FALSE(equal_in_constant_time("a\0b"sv, "a\0c"sv));
    CHECK_FALSE(equal_in_constant_time("", "x"));
}

TEST_CASE("tokens are base64url text, and no two are alike", "[secret]")
{
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        auto const token = random_token(32);
        CHECK(token.size() == 43);
        CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
              std::string::npos);
        CHECK(seen.insert(token).second);
    }
    CHECK(random_token(0).empty());
    CHECK(random_token(1).size() == 2);
}

TEST_CASE("a fingerprint is the beginning of a hash, in groups", "[secret]")
{
    CHECK(fingerprint(sha256_hex("abc")) == "ba78-16bf-8f01-cfea-4141-40de");
}

TEST_CASE("a new key's token tells what it is", "[secret]")
{
    CHECK(new_token().starts_with("elv_"));
    CHECK(new_token().size() == 47);
    CHECK(new_token() != new_token());
}
