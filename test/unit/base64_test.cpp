#include "elves/base64.hpp"

#include "catch.hpp"

using elves::base64;
using namespace std::string_view_literals;

TEST_CASE("base64 is that of RFC 4648", "[base64]")
{
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foob") == "Zm9vYg==");
    CHECK(base64("fooba") == "Zm9vYmE=");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(base64("\0\xFF\xFE"sv) == "AP/+");
}

TEST_CASE("a long text has no line breaks, and padding at its end only", "[base64]")
{
    for (std::size_t const size : {3145728U, 3145729U, 7000001U}) {
        auto const text = base64(std::string(size, '\0'));
        CHECK(text.size() == (size + 2) / 3 * 4);
        auto const pads = (3 - size % 3) % 3;
        CHECK(text.find_first_not_of('A') == (pads == 0 ? std::string::npos : text.size() - pads));
    }
}

TEST_CASE("what base64 has written is read again", "[base64]")
{
    using elves::from_base64;
    for (auto const* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
        CAPTURE(text);
        CHECK(from_base64(base64(text)) == text);
    }
    CHECK(from_base64("AAAA") == std::string(3, '\0'));
    CHECK(from_base64("/+8=") == "\xFF\xEF");
}

TEST_CASE("what is no base64 is nothing", "[base64]")
{
    for (auto const* text : {"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zg==Zg==", " Zg==", "Zg==\n", "Zm 8",
             "Zm9v====", "Zm-_", "Z=g=", "=Zg=", "\xC3\xA4==", "Zm9v\n\n\n\n"}) {
        CAPTURE(text);
        CHECK_FALSE(elves::from_base64(text));
    }
}
