#include "core/frame_reader.hpp"

#include <random>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace elves;

namespace {

std::string frame(std::string_view text)
{
    std::string out(4, '\0');
    out += text;
    seal_frame(out, 0);
    return out;
}

std::vector<std::string> all(FrameReader& reader)
{
    std::vector<std::string> texts;
    while (auto const text = reader.next()) texts.emplace_back(*text);
    return texts;
}

} // namespace

TEST_CASE("a length is four bytes, the highest first", "[frames]")
{
    CHECK(frame("ab") == std::string("\0\0\0\2ab", 6));
    CHECK(frame(std::string(0x010203, 'x')).substr(0, 4) == std::string("\0\1\2\3", 4));
}

TEST_CASE("sealing leaves alone what stands before the frame", "[frames]")
{
    std::string out = "before";
    out.append(4, '\0').append("abc");
    seal_frame(out, 6);
    CHECK(out == std::string("before\0\0\0\3abc", 13));
}

TEST_CASE("whole frames come out as they went in, without a copy", "[frames]")
{
    FrameReader reader(100);
    auto const bytes = frame("one") + frame("two");
    reader.put(bytes);
    auto const first = reader.next();
    REQUIRE(first);
    CHECK(first->data() == bytes.data() + 4);
    CHECK(all(reader) == std::vector<std::string>{"two"});
    CHECK(reader.held() == 0);
}

TEST_CASE("however a stream is cut, the same frames come out", "[frames]")
{
    std::vector<std::string> const texts{
        "{}", std::string(300, 'x'), "a", std::string(5000, 'y'), "{\"mqt\":1}"};
    std::string stream;
    for (auto const& text : texts) stream += frame(text);
    SECTION("byte by byte, each in a buffer that is used again")
    {
        FrameReader reader(5000);
        std::vector<std::string> got;
        for (char const byte : stream) {
            char buffer = byte;
            reader.put({&buffer, 1});
            for (auto& text : all(reader)) got.push_back(std::move(text));
            buffer = '?';
        }
        CHECK(got == texts);
    }
    SECTION("in random pieces")
    {
        std::minstd_rand random(7);
        for (int round = 0; round < 200; ++round) {
            FrameReader reader(5000);
            std::vector<std::string> got;
            std::string buffer;
            for (std::size_t at = 0; at < stream.size(); at += buffer.size()) {
                buffer = stream.substr(at, 1 + random() % 700);
                reader.put(buffer);
                if (random() % 3 == 0) {
                    // As where a connection is full: some frames now, the others later.
                    if (auto const text = reader.next()) got.emplace_back(*text);
                    reader.hold();
                    buffer.assign(buffer.size(), '?');
                } else {
                    for (auto& text : all(reader)) got.push_back(std::move(text));
                }
            }
            for (auto& text : all(reader)) got.push_back(std::move(text));
            CHECK(got == texts);
            CHECK(reader.held() == 0);
        }
    }
}

TEST_CASE("a length over the limit is a fault before the body comes, and so is zero", "[frames]")
{
    FrameReader reader(10);
    auto const largest = frame(std::string(10, 'x'));
    reader.put(largest);
    CHECK(all(reader).size() == 1);
    SECTION("over the limit")
    {
        reader.put(std::string_view("\0\0\0\xB", 4));
        CHECK_FALSE(reader.next());
        CHECK(reader.fault() == FrameFault::too_large);
    }
    SECTION("the largest length there is")
    {
        reader.put("\xFF\xFF\xFF\xFF");
        CHECK_FALSE(reader.next());
        CHECK(reader.fault() == FrameFault::too_large);
    }
    SECTION("zero")
    {
        reader.put(std::string_view("\0\0\0\0", 4));
        CHECK_FALSE(reader.next());
        CHECK(reader.fault() == FrameFault::empty);
    }
    auto const good = frame("ok");
    reader.put(good);
    CHECK_FALSE(reader.next());
}

TEST_CASE("what came before a fault is given out first", "[frames]")
{
    FrameReader reader(10);
    auto const bytes = frame("good") + std::string(4, '\0');
    reader.put(bytes);
    CHECK(all(reader) == std::vector<std::string>{"good"});
    CHECK(reader.fault() == FrameFault::empty);
}
