#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "elves/field_type.hpp"
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
    static AgentText read(std::string_view field, json::value const& value)
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

template <>
struct FieldType<AgentApps> {
    static constexpr std::string_view name = "object of name: version";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 1'000;
    static AgentApps read(std::string_view field, json::value const& value)
    {
        auto versions = FieldType<json::object>::read(field, value);
        if (versions.size() > most) {
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(versions.size()) +
                                     " entries; give at most " + std::to_string(most));
        }
        for (auto const& [app, version] : versions) {
            auto const entry = std::string(field) + "." + std::string(app);
            if (characters(app) > FieldType<AgentText>::most) {
                throw Error(missing,
                    "`" + std::string(field) + "` has a name over 256 characters; give shorter ones");
            }
            (void)FieldType<AgentText>::read(entry, version);
        }
        return {std::move(versions)};
    }
    static void judge(Caller const&, AgentApps const&) {}
};

template <>
struct FieldType<AgentStatus> {
    static constexpr std::string_view name = "online or offline";
    static constexpr Code missing = codes::bad_field;
    static AgentStatus read(std::string_view field, json::value const& value)
    {
        if (value.is_string() && value.get_string() == "online") return {true};
        if (value.is_string() && value.get_string() == "offline") return {false};
        throw Error(missing, field_is(field, value) + "; give online or offline");
    }
    static void judge(Caller const&, AgentStatus const&) {}
};

template <>
struct FieldType<AgentPlace> {
    static constexpr std::string_view name = "ip";
    static constexpr Code missing = codes::bad_ip;
    static AgentPlace read(std::string_view field, json::value const& value)
    {
        return {FieldType<Ip>::read(field, value)};
    }
    static void judge(Caller const&, AgentPlace const&) {}
};

} // namespace elves
