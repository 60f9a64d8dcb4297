#include "rpc/envelope.hpp"

#include "elves/field_type.hpp"

namespace elves {

namespace {

constexpr std::size_t max_mqid = 128;

std::size_t characters(std::string_view utf8)
{
    std::size_t count = 0;
    for (char const c : utf8) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return count;
}

bool usable(JsonValue const& mqid)
{
    if (mqid.is_string()) return characters(mqid.string()) <= max_mqid;
    return mqid.is_int64() || mqid.is_uint64();
}

std::string shown(std::string_view field, JsonValue const* value)
{
    return value ? field_is(field, *value) : "`" + std::string(field) + "` is missing";
}

} // namespace

Envelope Envelope::of(JsonValue const& frame)
{
    Envelope envelope;
    JsonValue const* mqt = nullptr;
    JsonValue const* mqid = nullptr;
    // The last member of a name counts, as in JsonValue::find.
    for (auto const& member : frame) {
        auto const name = member.name();
        if (!name.starts_with("mq")) continue;
        if (name == "mqs") envelope.mqs = member.string_or_empty();
        if (name == "mqf") envelope.mqf = member.string_or_empty();
        if (name == "mqt") mqt = &member;
        if (name == "mqid") mqid = &member;
    }
    auto const word = mqt ? mqt->string_or_empty() : std::string_view();
    if (mqid && usable(*mqid)) envelope.mqid = mqid;

    if (word == "call") {
        envelope.mqt = Mqt::call;
    } else if (word == "cast") {
        envelope.mqt = Mqt::cast;
    } else if (word == "back") {
        envelope.mqt = Mqt::back;
    } else {
        envelope.fault.emplace(codes::bad_mqt, shown("mqt", mqt) + "; give call, cast or back");
        return envelope;
    }
    if (mqid && !envelope.mqid) {
        envelope.fault.emplace(codes::bad_field,
            field_is("mqid", *mqid) + "; give a string of up to 128 characters or a 64-bit integer");
    }
    return envelope;
}

} // namespace elves
