#include "elves/method_table.hpp"

#include "elves/nearest_word.hpp"

namespace elves {

void throw_missing(Code code, std::string_view field, std::string_view type)
{
    throw Error(code, "`" + std::string(field) + "` is missing; give it (" + std::string(type) + ")");
}

std::string_view audited_text(Audited audited) noexcept
{
    if (audited == Audited::nothing) return "false";
    if (audited == Audited::by_rate) return "by rate";
    return audited == Audited::calls ? "true" : "changes";
}

void require_known_fields(
    JsonValue const& object, std::set<std::string, std::less<>> const& known, std::string_view inside)
{
    for (auto const& member : object) {
        if (known.contains(member.name())) continue;
        auto const nearest = nearest_word(member.name(), known);
        throw Error(codes::bad_field,
            "`" + std::string(inside) + std::string(member.name().substr(0, 64)) + "` is no field here" +
                (nearest.empty() ? "; leave it out" : "; did you mean `" + nearest + "`?"));
    }
}

Method& Method::refuses_unknown_fields()
{
    std::set<std::string, std::less<>> known{"mqt", "mqs", "mqf", "mqid", "auth"};
    for (auto const& field : fields) known.insert(field.name);
    run = [known = std::move(known), then = std::move(run)](JsonValue const& call, Caller const& caller) {
        require_known_fields(call, known);
        return then(call, caller);
    };
    return *this;
}

Method const* MethodTable::find(std::string_view name) const noexcept
{
    for (auto const& method : methods_) {
        if (method->name == name) return method.get();
        for (auto const& other : method->also) {
            if (other == name) return method.get();
        }
    }
    return nullptr;
}

asio::awaitable<Reply> reply_of(Method::Answer answer)
{
    if (auto* const reply = std::get_if<Reply>(&answer)) co_return std::move(*reply);
    if (auto* const later = std::get_if<Later<Reply>>(&answer)) {
        auto work = wait_for(std::move(*later));
        co_return co_await std::move(work);
    }
    auto work = std::get<asio::awaitable<Reply>>(std::move(answer));
    co_return co_await std::move(work);
}

} // namespace elves
