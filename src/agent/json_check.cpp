#include "agent/json_check.hpp"

#include <cstddef>
#include <cstdint>

#include <boost/json/basic_parser_impl.hpp>

namespace elves::agent {

namespace json = boost::json;

namespace {

/// Takes everything, and keeps nothing.
struct Discard {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    using Failure = boost::system::error_code;
    bool on_document_begin(Failure&) { return true; }
    bool on_document_end(Failure&) { return true; }
    bool on_object_begin(Failure&) { return true; }
    bool on_object_end(std::size_t, Failure&) { return true; }
    bool on_array_begin(Failure&) { return true; }
    bool on_array_end(std::size_t, Failure&) { return true; }
    bool on_key_part(json::string_view, std::size_t, Failure&) { return true; }
    bool on_key(json::string_view, std::size_t, Failure&) { return true; }
    bool on_string_part(json::string_view, std::size_t, Failure&) { return true; }
    bool on_string(json::string_view, std::size_t, Failure&) { return true; }
    bool on_number_part(json::string_view, Failure&) { return true; }
    bool on_int64(std::int64_t, json::string_view, Failure&) { return true; }
    bool on_uint64(std::uint64_t, json::string_view, Failure&) { return true; }
    bool on_double(double, json::string_view, Failure&) { return true; }
    bool on_bool(bool, Failure&) { return true; }
    bool on_null(Failure&) { return true; }
    bool on_comment_part(json::string_view, Failure&) { return true; }
    bool on_comment(json::string_view, Failure&) { return true; }
};

} // namespace

bool is_json(std::string_view text)
{
    json::basic_parser<Discard> parser{json::parse_options()};
    boost::system::error_code failure;
    auto const used = parser.write_some(false, text.data(), text.size(), failure);
    return !failure && used == text.size();
}

} // namespace elves::agent
