#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace elves {

/// Appends `text` as a JSON string, with its quotes.
void append_json_string(std::string& out, std::string_view text);

/// The members of a JSON object as text, in the order in which they are added: for replies and calls that are
/// so many that making an object first would count. Names are literals that need no escape.
class JsonMembers {
public:
    JsonMembers() { text_.reserve(usual_size); }

    JsonMembers& add(std::string_view name, std::string_view value)
    {
        add_name(name);
        append_json_string(text_, value);
        return *this;
    }
    JsonMembers& add(std::string_view name, std::int64_t number)
    {
        add_name(name);
        text_ += std::to_string(number);
        return *this;
    }
    /// The number as a string, as most travel.
    JsonMembers& add_quoted(std::string_view name, std::int64_t number)
    {
        add_name(name);
        text_.append(1, '"').append(std::to_string(number)).append(1, '"');
        return *this;
    }
    JsonMembers& add(std::string_view name, JsonMembers const& members)
    {
        add_name(name);
        text_.append(1, '{').append(members.text_).append(1, '}');
        return *this;
    }

    [[nodiscard]] std::string const& text() const noexcept { return text_; }
    [[nodiscard]] std::string take() noexcept { return std::move(text_); }

private:
    static constexpr std::size_t usual_size = 256;

    void add_name(std::string_view name)
    {
        text_.append(text_.empty() ? "\"" : ",\"").append(name).append("\":");
    }

    std::string text_;
};

} // namespace elves
