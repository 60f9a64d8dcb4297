#include "elves/json_document.hpp"

#include <algorithm>

#include "core/json_reader.hpp"

namespace elves {

JsonDocument::JsonDocument() : values_(1) { values_.front().kind_ = JsonValue::Kind::object; }

JsonDocument::JsonDocument(JsonValue const& value) : values_(&value, &value + value.span_)
{
    std::size_t bytes = 0;
    for (auto const& each : values_) bytes += each.name_.size() + each.text_.size();
    text_ = std::make_unique<char[]>(bytes);
    auto* free = text_.get();
    auto const keep = [&free](std::string_view text) {
        std::string_view const kept(free, text.size());
        free = std::copy(text.begin(), text.end(), free);
        return kept;
    };
    values_.front().name_ = {};
    for (auto& each : values_) {
        each.name_ = keep(each.name_);
        each.text_ = keep(each.text_);
    }
}

JsonDocument JsonDocument::string(std::string_view text)
{
    JsonValue value;
    value.kind_ = JsonValue::Kind::string;
    value.text_ = text;
    return JsonDocument(value);
}

JsonDocument JsonDocument::parse(std::string_view text)
{
    JsonReader reader;
    return JsonDocument(reader.read(text));
}

} // namespace elves
