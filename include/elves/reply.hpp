#pragma once

#include <initializer_list>
#include <memory>
#include <string>
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
    /// With the fields as the text of an object's members: see JsonMembers.
    [[nodiscard]] static Reply of_members(std::string members)
    {
        Reply reply;
        reply.members_ = std::make_shared<std::string const>(std::move(members));
        return reply;
    }
    [[nodiscard]] json::object& fields() noexcept { return fields_; }
    [[nodiscard]] json::object const& fields() const noexcept { return fields_; }
    /// Members that come before those of `fields`; null for none.
    [[nodiscard]] std::shared_ptr<std::string const> const& members() const noexcept { return members_; }

private:
    json::object fields_;
    std::shared_ptr<std::string const> members_; ///< Few replies have any: it must cost the others little.
};

/// `flag` `"false"` and `error_info`, for one object of a list whose others went well.
[[nodiscard]] json::object refusal(Error const& error);

} // namespace elves
