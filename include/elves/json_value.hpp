#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "elves/json.hpp"

namespace elves {

/// One value of a JSON text that was received, as the sender wrote it. Values stand in an array in the order
/// of the text; a list or object is followed by what it contains. There is no look-up table: a name is found
/// by comparing it with each member's, so that no sender can choose names that make look-up or parsing
/// expensive.
///
/// Only a JsonReader or JsonDocument makes values; a value is used by reference and lives as long as what
/// made it.
class JsonValue {
public:
    enum class Kind : std::uint8_t { null, boolean, int64, uint64, floating, string, list, object };

    /// Goes through the direct items of a list, or the members of an object.
    class Iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = JsonValue;
        using difference_type = std::ptrdiff_t;
        using pointer = JsonValue const*;
        using reference = JsonValue const&;

        Iterator() = default;
        explicit Iterator(JsonValue const* at) : at_(at) {}
        JsonValue const& operator*() const noexcept { return *at_; }
        JsonValue const* operator->() const noexcept { return at_; }
        Iterator& operator++() noexcept
        {
            at_ += at_->span_;
            return *this;
        }
        Iterator operator++(int) noexcept
        {
            auto const before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(Iterator, Iterator) = default;

    private:
        JsonValue const* at_ = nullptr;
    };

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::null; }
    [[nodiscard]] bool is_bool() const noexcept { return kind_ == Kind::boolean; }
    [[nodiscard]] bool is_string() const noexcept { return kind_ == Kind::string; }
    [[nodiscard]] bool is_list() const noexcept { return kind_ == Kind::list; }
    [[nodiscard]] bool is_object() const noexcept { return kind_ == Kind::object; }
    [[nodiscard]] bool is_int64() const noexcept { return kind_ == Kind::int64; }
    [[nodiscard]] bool is_uint64() const noexcept { return kind_ == Kind::uint64; }
    [[nodiscard]] bool is_double() const noexcept { return kind_ == Kind::floating; }
    [[nodiscard]] bool is_number() const noexcept { return is_int64() || is_uint64() || is_double(); }

    /// The value itself; only where it is of that kind.
    [[nodiscard]] bool boolean() const noexcept
    {
        assert(is_bool());
        return number_.boolean;
    }
    [[nodiscard]] std::int64_t int64() const noexcept
    {
        assert(is_int64());
        return number_.int64;
    }
    [[nodiscard]] std::uint64_t uint64() const noexcept
    {
        assert(is_uint64());
        return number_.uint64;
    }
    [[nodiscard]] double floating() const noexcept
    {
        assert(is_double());
        return number_.floating;
    }
    /// UTF-8.
    [[nodiscard]] std::string_view string() const noexcept
    {
        assert(is_string());
        return text_;
    }
    /// A number as the sender wrote it.
    [[nodiscard]] std::string_view number_text() const noexcept
    {
        assert(is_number());
        return text_;
    }
    /// The string, or "" where it is not one.
    [[nodiscard]] std::string_view string_or_empty() const noexcept
    {
        return is_string() ? text_ : std::string_view();
    }

    /// How many items a list, or members an object, has.
    [[nodiscard]] std::size_t size() const noexcept
    {
        assert(is_list() || is_object());
        return static_cast<std::size_t>(number_.uint64);
    }
    [[nodiscard]] Iterator begin() const noexcept { return Iterator(this + 1); }
    [[nodiscard]] Iterator end() const noexcept { return Iterator(this + span_); }

    /// An object's member of that name, the last one where the text has several; null where there is none,
    /// and of what is not an object. Compares with every member's name.
    [[nodiscard]] JsonValue const* find(std::string_view name) const noexcept;
    /// This member's name; "" of what is not a member.
    [[nodiscard]] std::string_view name() const noexcept { return name_; }

private:
    friend class JsonBuilder;
    friend class JsonDocument;

    std::string_view name_;
    std::string_view text_; ///< A string's content; a number as it was written.
    union {
        bool boolean;
        std::int64_t int64;
        std::uint64_t uint64; ///< Also the size of a list or object.
        double floating;
    } number_{.uint64 = 0};
    std::uint32_t span_ = 1; ///< Values from this one to the next that is not part of it.
    Kind kind_ = Kind::null;
};

/// The JSON text of a value without blanks; numbers and the order of members stay as the sender wrote them.
[[nodiscard]] std::string json_text(JsonValue const& value);

/// The value for programs that go on working with Boost.JSON. Do not use it on the server's event loop for
/// what a peer sent: its objects have hash tables without a secret.
[[nodiscard]] json::value to_boost_json(JsonValue const& value);

} // namespace elves
