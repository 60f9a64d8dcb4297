#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "elves/error.hpp"
#include "elves/json.hpp"

namespace elves {

/// The fields of a method's answer, in their order. The router puts the envelope around them.
class Reply {
public:
    Reply() = default;
    Reply(std::initializer_list<std::pair<json::string_view, json::value_ref>> fields) : fields_(fields) {}
    explicit Reply(json::object fields) : fields_(std::move(fields)) {}
    [[nodiscard]] json::object& fields() noexcept { return fields_; }
    [[nodiscard]] json::object const& fields() const noexcept { return fields_; }

private:
    json::object fields_;
};

/// `flag` `"false"` and `error_info`, for one object of a list whose others went well.
[[nodiscard]] json::object refusal(Error const& error);

} // namespace elves
