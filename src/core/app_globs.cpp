#include "elves/app_globs.hpp"

#include <algorithm>

#include <fnmatch.h>

#include "elves/instruction.hpp"
#include "elves/trimmed.hpp"

namespace elves {

namespace {

bool fits(std::string const& glob, std::string const& name)
{
    return ::fnmatch(glob.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

bool is_glob(std::string_view entry) { return entry.find_first_of("*?") != std::string_view::npos; }

/// An entry of `apps` as it is read: names may have dots, so only the last dot of an entry separates app and
/// function. `a.b` is function `b` of app `a`; an app called `a.b` is written `a.b.*`.
struct Entry {
    explicit Entry(std::string_view text)
        : dot(text.rfind('.'))
        , app(text.substr(0, dot))
        , func(dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1))
    {
    }
    [[nodiscard]] bool has_dot() const noexcept { return dot != std::string_view::npos; }

    std::string_view::size_type dot;
    std::string app;
    std::string func;
};

/// Could a glob without a dot, which stands for all of `app.func`, match some function of that app?
bool may_match_app(std::string const& glob, std::string const& app)
{
    auto const before_function = app + ".";
    for (std::size_t end = 1; end <= glob.size(); ++end) {
        // The rest has to match a function's name, which is not empty.
        bool const has_rest = end < glob.size() || glob[end - 1] == '*';
        if (has_rest && fits(glob.substr(0, end), before_function)) return true;
    }
    return false;
}

bool covers(std::string const& own, Instruction const& ins)
{
    if (own == "*") return true;
    Entry const entry(own);
    if (entry.has_dot()) return fits(entry.app, ins.app) && fits(entry.func, ins.func);
    return own == ins.app || (is_glob(own) && fits(own, ins.name()));
}

/// Some function of that app; agrees with `covers`.
bool covers_app(std::string const& own, std::string const& app)
{
    Entry const entry(own);
    if (entry.has_dot()) return !entry.func.empty() && fits(entry.app, app);
    return own == "*" || own == app || (is_glob(own) && may_match_app(own, app));
}

constexpr std::size_t longest_entry = 129; // of an app, a dot and a function

bool is_entry(std::string_view text)
{
    constexpr std::string_view allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-*?";
    return !text.empty() && text.size() <= longest_entry && text.front() != '.' && text.back() != '.' &&
           text.find_first_not_of(allowed) == std::string_view::npos;
}

} // namespace

bool AppGlobs::covers(std::vector<std::string> const& entries, Instruction const& ins)
{
    return std::any_of(
        entries.begin(), entries.end(), [&](auto const& own) { return elves::covers(own, ins); });
}

bool AppGlobs::covers_app(std::vector<std::string> const& entries, std::string_view app)
{
    std::string const text(app);
    return std::any_of(
        entries.begin(), entries.end(), [&](auto const& own) { return elves::covers_app(own, text); });
}

AppGlobs FieldType<AppGlobs>::read(std::string_view field, JsonValue const& value)
{
    auto entries = FieldType<std::vector<std::string>>::read(field, value);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i] = trimmed(std::string(entries[i]));
        if (is_entry(entries[i])) continue;
        auto const item = std::string(field) + "[" + std::to_string(i) + "]";
        throw Error(codes::bad_app, field_is(item, entries[i]) +
                                        "; give an app's name, app.func, a glob of it such as nginx.re*, "
                                        "my.app.* for an app with a dot in its name, or *");
    }
    return {std::move(entries)};
}

} // namespace elves
