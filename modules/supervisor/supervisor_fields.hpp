#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "elves/field_type.hpp"
#include "elves/json_fields.hpp"
#include "supervisor.hpp"

// How supervisor's own field types travel.
namespace elves {

template <>
struct FieldType<ShownSecret> {
    static constexpr std::string_view name = "string";
    static constexpr Code missing = codes::no_key;
    static ShownSecret read(std::string_view field, JsonValue const& value)
    {
        // Not shown again in the error: it may be a secret.
        if (!value.is_string()) throw Error(missing, "`" + std::string(field) + "` is no string; give one");
        if (value.string().empty()) throw Error(missing, "`" + std::string(field) + "` is empty; give it");
        return {std::string(value.string().substr(0, most))};
    }
    static void judge(Caller const&, ShownSecret const&) {}
    /// More than any has, in bytes: what is longer is wrong anyway, and would be held while its answer waits.
    static constexpr std::size_t most = 256;
};

template <>
struct FieldType<KeyName> {
    static constexpr std::string_view name = "string";
    static constexpr Code missing = codes::bad_field;
    static constexpr std::size_t most = 256;
    static KeyName read(std::string_view field, JsonValue const& value)
    {
        auto text = FieldType<std::string>::read(field, value);
        if (text.size() > most) {
            throw Error(missing, "`" + std::string(field) + "` has " + std::to_string(text.size()) +
                                     " bytes; give at most " + std::to_string(most));
        }
        return {std::move(text)};
    }
    static void judge(Caller const&, KeyName const&) {}
};

template <>
struct FieldType<Role> {
    static constexpr std::string_view name = "viewer, operator, agent or admin";
    static constexpr Code missing = codes::bad_field;
    static Role read(std::string_view field, JsonValue const& value)
    {
        for (auto const role : {Role::viewer, Role::operator_, Role::agent, Role::admin}) {
            if (value.is_string() && value.string() == role_text(role)) return role;
        }
        throw Error(missing, field_is(field, value) + "; give " + std::string(name));
    }
    static void judge(Caller const&, Role const&) {}
};

template <>
struct FieldType<RunHosts> {
    static constexpr std::string_view name = "whole number or unlimited";
    static constexpr Code missing = codes::bad_field;
    static RunHosts read(std::string_view field, JsonValue const& value)
    {
        constexpr std::int64_t most = 1'000'000;
        if (value.is_string() && value.string() == "unlimited") return {};
        auto const number = whole_number(value);
        if (!number || *number < 0 || *number > most)
            throw Error(missing, field_is(field, value) + "; give 0 to 1000000 hosts, or unlimited");
        return {*number};
    }
    static void judge(Caller const&, RunHosts const&) {}
};

template <>
struct FieldType<HostName> {
    static constexpr std::string_view name = "ip or host name";
    static constexpr Code missing = codes::bad_ip;
    static constexpr std::size_t most = 253; // RFC 1035, 2.3.4, as text
    static HostName read(std::string_view field, JsonValue const& value)
    {
        if (value.is_string()) {
            auto const& text = value.string();
            if (auto const ip = Ip::parse(std::string_view(text))) return {ip->text()};
            if (is_name(text)) return {std::string(text)};
        }
        throw Error(missing, field_is(field, value) + "; give an IPv4 or IPv6 address, or a host name");
    }
    static void judge(Caller const&, HostName const&) {}

private:
    /// Labels of letters, digits and `-` with dots between them; not all digits, which would be a broken IPv4
    /// address.
    static bool is_name(std::string_view text)
    {
        auto const digit = [](char c) { return c >= '0' && c <= '9'; };
        auto const letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
        auto const edge = [&](char c) { return digit(c) || letter(c); };
        if (text.empty() || text.size() > most || std::none_of(text.begin(), text.end(), letter))
            return false;
        char before = '.';
        for (char const c : text) {
            if (!edge(c) && c != '-' && c != '.') return false;
            if (before == '.' && !edge(c)) return false;
            if (c == '.' && before == '-') return false;
            before = c;
        }
        return edge(before);
    }
};

template <>
struct FieldType<PortNumber> {
    static constexpr std::string_view name = "port";
    static constexpr Code missing = codes::bad_field;
    static PortNumber read(std::string_view field, JsonValue const& value)
    {
        std::int64_t number = 0;
        try {
            number = FieldType<std::int64_t>::read(field, value);
        } catch (Error const&) {
            number = 0; // one text for all that is no port
        }
        if (number < 1 || number > 65'535) throw Error(missing, field_is(field, value) + "; give 1 to 65535");
        return {static_cast<std::uint16_t>(number)};
    }
    static void judge(Caller const&, PortNumber const&) {}
};

} // namespace elves
