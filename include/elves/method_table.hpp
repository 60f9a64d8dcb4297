#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/field_type.hpp"
#include "elves/later.hpp"
#include "elves/reply.hpp"

namespace elves {

/// One declared field, as `elves.methods` shows it.
struct FieldInfo {
    std::string name;
    std::string_view type;
    bool required = false;
};

/// A declared field of the input type `In`, with how to read it and how to judge it.
template <class In>
struct Field {
    FieldInfo info;
    Code missing;
    std::function<void(In&, JsonValue const&)> read;
    std::function<void(Caller const&, In const&)> judge;
};

template <class In, class T>
[[nodiscard]] Field<In> declared_field(std::string_view name, T In::*member, bool is_required)
{
    return {{std::string(name), FieldType<T>::name, is_required}, FieldType<T>::missing,
        [name, member](In& in, JsonValue const& value) { in.*member = FieldType<T>::read(name, value); },
        [member](Caller const& caller, In const& in) { FieldType<T>::judge(caller, in.*member); }};
}

/// A field that must be there. `name` is a literal.
template <class In, class T>
[[nodiscard]] Field<In> required(std::string_view name, T In::*member)
{
    return declared_field(name, member, true);
}

/// A field that may be absent or `""`: the member then keeps its default. `name` is a literal.
template <class In, class T>
[[nodiscard]] Field<In> optional(std::string_view name, T In::*member)
{
    return declared_field(name, member, false);
}

/// Throws the Error for a required field that isn't there.
[[noreturn]] void throw_missing(Code code, std::string_view field, std::string_view type);

/// Reads and judges a call's fields. The one place where a request's fields are checked.
template <class In>
[[nodiscard]] In read_fields(
    std::vector<Field<In>> const& fields, JsonValue const& call, Caller const& caller, bool judged)
{
    In in{};
    for (auto const& field : fields) {
        auto const* value = call.find(field.info.name);
        bool const not_given =
            !value || (!field.info.required && value->is_string() && value->string().empty());
        if (!not_given) {
            field.read(in, *value);
            if (judged) field.judge(caller, in);
        } else if (field.info.required) {
            throw_missing(field.missing, field.info.name, field.info.type);
        }
    }
    return in;
}

/// For methods that take nothing.
struct Nothing {};

/// What a method leaves in the audit trail, beside what is denied, which always leaves a row.
enum class Audited {
    nothing,
    changes, ///< A row where it changes something: with the write that does (see Caller::also).
    calls,   ///< A row for each call.
    by_rate, ///< A row for each call up to a rate for each address; calls beyond it are counted.
};

[[nodiscard]] std::string_view audited_text(Audited audited) noexcept;

/// A declared method: how the protocol sees it, and the code behind it.
struct Method {
    /// From memory, at once; or a coroutine that waits for the store, an agent, a timer; or what comes later
    /// without one, for what is called so often that it counts.
    using Answer = std::variant<Reply, asio::awaitable<Reply>, Later<Reply>>;

    std::string name; ///< In lower case.
    bool is_cast = false;
    bool answers_at_once = false; ///< `run` returns a Reply.
    Right right = Right::manage;
    Audited audited = Audited::calls;
    bool is_cut_by_ip = false;
    bool is_cut_by_app = false;
    std::vector<FieldInfo> fields;
    std::string help;
    std::vector<std::string> also; ///< Other names that mean the same.
    std::function<Answer(JsonValue const&, Caller const&)> run;
    /// What a refused call's reply carries beside `flag` and `error_info`, if anything.
    std::function<Reply(Error const&)> when_refused;

    Method& or_named(std::string other)
    {
        also.push_back(std::move(other));
        return *this;
    }
    /// It changes nothing, although it needs a right to change things.
    Method& only_reads()
    {
        audited = Audited::nothing;
        return *this;
    }
    /// Who needs no right may change something with it. Not each call has a row: that would have no bound.
    Method& may_change()
    {
        audited = Audited::changes;
        return *this;
    }
    /// Whether somebody could authenticate is worth a row, and anybody may try: rows are bounded.
    Method& audited_by_rate()
    {
        audited = Audited::by_rate;
        return *this;
    }
    /// What it lists is cut to the addresses, or the apps, of its caller's key. The answer to a key that has
    /// not all of them says so.
    Method& cut_by_ip()
    {
        is_cut_by_ip = true;
        return *this;
    }
    Method& cut_by_app()
    {
        is_cut_by_app = true;
        return *this;
    }
    /// A field that it does not take is refused by name: a misspelled limit must not mean "no limit".
    Method& refuses_unknown_fields();
    Method& refused_with(std::function<Reply(Error const&)> fields_of)
    {
        when_refused = std::move(fields_of);
        return *this;
    }
};

/// What an answer comes to, for a coroutine.
[[nodiscard]] asio::awaitable<Reply> reply_of(Method::Answer answer);

/// Throws Error 403.10 for the first member that is none of `known`, with the nearest of them; `inside` is
/// what holds the members, `ins.` say.
void require_known_fields(
    JsonValue const& object, std::set<std::string, std::less<>> const& known, std::string_view inside = {});

/// A service's methods, in the order of docs/protocol.md. Declared once, at start; from it come look-up,
/// validation, rights, `elves.methods` and elvesctl's help.
class MethodTable {
public:
    /// A method that is called and answers. `code` is `Reply(In, Caller const&)`, or
    /// `asio::awaitable<Reply>(In, Caller)`, which takes both by value, or `Later<Reply>(In, Caller const&)`.
    template <class In, class Run>
    Method& call(
        std::string_view name, Right right, std::vector<Field<In>> fields, std::string_view help, Run code)
    {
        return add<In>(name, false, right, std::move(fields), help, std::move(code));
    }
    /// A method that is cast; a call is understood too, and answered.
    template <class In, class Run>
    Method& cast(
        std::string_view name, Right right, std::vector<Field<In>> fields, std::string_view help, Run code)
    {
        return add<In>(name, true, right, std::move(fields), help, std::move(code));
    }

    /// There is no such method, and whoever looks for it is told what to take: `instead`.
    void reserve(std::string_view name, std::string_view instead) { reserved_.emplace(name, instead); }
    /// What to take in place of a method that there is not; "" where nothing is known. `name` in lower case.
    [[nodiscard]] std::string instead_of(std::string_view name) const
    {
        auto const found = reserved_.find(name);
        return found == reserved_.end() ? std::string() : found->second;
    }

    /// Null where there is none. `name` in lower case.
    [[nodiscard]] Method const* find(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::unique_ptr<Method>> const& all() const noexcept { return methods_; }

private:
    template <class In, class Run>
    Method& add(std::string_view name, bool is_cast, Right right, std::vector<Field<In>> fields,
        std::string_view help, Run code)
    {
        auto method = std::make_unique<Method>();
        method->name = name;
        method->is_cast = is_cast;
        method->answers_at_once = std::is_same_v<std::invoke_result_t<Run&, In, Caller const&>, Reply>;
        method->right = right;
        bool const changes = right == Right::operate || right == Right::manage;
        method->audited = changes ? Audited::calls : Audited::nothing;
        method->help = help;
        for (auto const& field : fields) method->fields.push_back(field.info);
        method->run = [fields = std::move(fields), code = std::move(code), judged = right != Right::open](
                          JsonValue const& call, Caller const& caller) -> Method::Answer {
            return code(read_fields(fields, call, caller, judged), caller);
        };
        methods_.push_back(std::move(method));
        return *methods_.back();
    }
    std::vector<std::unique_ptr<Method>> methods_;
    std::map<std::string, std::string, std::less<>> reserved_;
};

} // namespace elves
