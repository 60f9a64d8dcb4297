#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "elves/field_type.hpp"
#include "elves/instruction.hpp"
#include "elves/label_value.hpp"
#include "heartbeat.hpp"

// How heartbeat's own field types travel.
namespace elves {

/// Characters, not bytes, of UTF-8 text.
[[nodiscard]] inline std::size_t characters(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

template <>
struct FieldType<AgentText> {
    static constexpr std::string_view name = "string";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 256;
    static AgentText read(std::string_view field, JsonValue const& value)
    {
        auto text = FieldType<std::string>::read(field, value);
        if (auto const length = characters(text); length > most) {
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(length) +
                                     " characters; give at most " + std::to_string(most));
        }
        return {std::move(text)};
    }
    static void judge(Caller const&, AgentText const&) {}
};

/// Its first 64 characters, up to one that can't be printed: no agent is turned away for a file's content.
[[nodiscard]] inline std::string_view cut_version(std::string_view said)
{
    constexpr std::size_t most = 64;
    auto const version = said.substr(0, most);
    auto const end =
        std::find_if_not(version.begin(), version.end(), [](char c) { return c >= ' ' && c < 0x7f; });
    return version.substr(0, static_cast<std::size_t>(end - version.begin()));
}

template <>
struct FieldType<AgentApps> {
    static constexpr std::string_view name = "object of name: version";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 1'000;
    static AgentApps read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_object()) throw Error(missing, field_is(field, value) + "; give an object");
        if (value.size() > most) {
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(value.size()) +
                                     " entries; give at most " + std::to_string(most));
        }
        AgentApps apps;
        for (auto const& version : value) {
            auto const app = version.name();
            if (!is_name(app)) continue; // Nobody could call it.
            if (!version.is_string())
                throw Error(missing,
                    field_is(std::string(field) + "." + std::string(app), version) + "; give a string");
            apps.versions[app] = cut_version(version.string());
        }
        return apps;
    }
    static void judge(Caller const&, AgentApps const&) {}
};

template <>
struct FieldType<AgentFacts> {
    static constexpr std::string_view name = "object of key: value";
    static constexpr Code missing = codes::bad_field;
    static AgentFacts read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_object()) throw Error(missing, field_is(field, value) + "; give an object");
        if (value.size() > most_labels)
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(value.size()) +
                                     " entries; give at most 32");
        AgentFacts facts;
        for (auto const& fact : value) {
            auto const place = std::string(field) + "." + std::string(fact.name());
            if (!is_fact_key(fact.name()))
                throw Error(missing, "`" + place + "` is no fact's name; give [a-z][a-z0-9_]{0,31}");
            if (!fact.is_string() || !is_label_value(fact.string()))
                throw Error(
                    missing, field_is(place, fact) + "; give 1 to 128 characters without control characters");
            facts.values[fact.name()] = fact.string();
        }
        return facts;
    }
    static void judge(Caller const&, AgentFacts const&) {}
};

template <>
struct FieldType<AgentStatus> {
    static constexpr std::string_view name = "online or offline";
    static constexpr Code missing = codes::bad_field;
    static AgentStatus read(std::string_view field, JsonValue const& value)
    {
        if (value.is_string() && value.string() == "online") return {true};
        if (value.is_string() && value.string() == "offline") return {false};
        throw Error(missing, field_is(field, value) + "; give online or offline");
    }
    static void judge(Caller const&, AgentStatus const&) {}
};

} // namespace elves
