#pragma once

#include <cstddef>
#include <string>

#include "elves/base64.hpp"
#include "elves/deployment.hpp"
#include "elves/error.hpp"
#include "elves/field_type.hpp"

namespace elves {

struct VersionName {
    std::string text;
};
struct Sha256Text {
    std::string text;
};
/// Decoded.
struct PieceData {
    std::string bytes;
};
/// An Ed25519 signature in base64; agents verify it.
struct SignatureText {
    std::string text;
};

template <>
struct FieldType<VersionName> {
    static constexpr std::string_view name = "version";
    static constexpr Code missing = codes::bad_field;
    static VersionName read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_string() || !is_app_version(value.string()))
            throw Error(
                missing, field_is(field, value) +
                             "; give 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `+`, `~`, `:`, `-`, beginning "
                             "with a letter or digit");
        return {std::string(value.string())};
    }
    static void judge(Caller const&, VersionName const&) {}
};

template <>
struct FieldType<Sha256Text> {
    static constexpr std::string_view name = "SHA-256";
    static constexpr Code missing = codes::bad_field;
    static Sha256Text read(std::string_view field, JsonValue const& value)
    {
        if (!value.is_string() || !is_sha256(value.string()))
            throw Error(missing, field_is(field, value) + "; give 64 lower-case hex digits");
        return {std::string(value.string())};
    }
    static void judge(Caller const&, Sha256Text const&) {}
};

template <>
struct FieldType<PieceData> {
    static constexpr std::string_view name = "base64";
    static constexpr Code missing = codes::bad_field;
    static PieceData read(std::string_view field, JsonValue const& value)
    {
        auto bytes = value.is_string() ? from_base64(value.string()) : std::nullopt;
        if (!bytes || bytes->empty() || bytes->size() > package_piece_bytes)
            throw Error(missing, "`" + std::string(field) + "` is not 1 to " +
                                     std::to_string(package_piece_bytes) + " bytes in base64");
        return {std::move(*bytes)};
    }
    static void judge(Caller const&, PieceData const&) {}
};

template <>
struct FieldType<SignatureText> {
    static constexpr std::string_view name = "base64";
    static constexpr Code missing = codes::bad_field;
    static SignatureText read(std::string_view field, JsonValue const& value)
    {
        constexpr std::size_t signature_bytes = 64;
        auto const bytes = value.is_string() ? from_base64(value.string()) : std::nullopt;
        if (!bytes || bytes->size() != signature_bytes)
            throw Error(missing, field_is(field, value) + "; give an Ed25519 signature: 64 bytes in base64");
        return {std::string(value.string())};
    }
    static void judge(Caller const&, SignatureText const&) {}
};

} // namespace elves
