#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "elves/json_value.hpp"

namespace elves {

/// A JSON value that owns its memory, for what has to outlive the frame that it came in. Its values
/// stay where they are when it is moved.
class JsonDocument {
public:
    /// An empty object.
    JsonDocument();
    JsonDocument(JsonDocument const& other) : JsonDocument(other.root()) {}
    JsonDocument(JsonDocument&&) noexcept = default;
    JsonDocument& operator=(JsonDocument const& other) { return *this = JsonDocument(other); }
    JsonDocument& operator=(JsonDocument&&) noexcept = default;
    ~JsonDocument() = default;
    /// A copy of `value` and what it contains.
    explicit JsonDocument(JsonValue const& value);
    /// Reads one JSON text, object or not, with the limits of a JsonReader. Throws Error 400.1.
    [[nodiscard]] static JsonDocument parse(std::string_view text);

    /// A string, for text from elsewhere that has to be checked as a field of a frame is.
    [[nodiscard]] static JsonDocument string(std::string_view text);

    [[nodiscard]] JsonValue const& root() const noexcept { return values_.front(); }
    /// See JsonValue::find.
    [[nodiscard]] JsonValue const* find(std::string_view name) const noexcept { return root().find(name); }

private:
    std::vector<JsonValue> values_;
    std::unique_ptr<char[]> text_;
};

} // namespace elves
