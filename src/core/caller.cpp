#include "elves/caller.hpp"

#include <algorithm>

#include <fnmatch.h>

#include "elves/instruction.hpp"
#include "elves/json_fields.hpp"

namespace elves {

namespace {

bool fits(std::string const& glob, std::string const& name)
{
    return ::fnmatch(glob.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

bool is_glob(std::string_view entry) { return entry.find_first_of("*?") != std::string_view::npos; }

} // namespace

bool role_may(Role role, Right right) noexcept
{
    switch (right) {
    case Right::open:
    case Right::own:
        return true;
    case Right::read:
        return role != Role::agent;
    case Right::operate:
        return role == Role::operator_ || role == Role::admin;
    case Right::report:
        return role == Role::agent || role == Role::admin;
    case Right::manage:
        return role == Role::admin;
    }
    return false;
}

std::string_view role_text(Role role) noexcept
{
    switch (role) {
    case Role::viewer:
        return "viewer";
    case Role::operator_:
        return "operator";
    case Role::agent:
        return "agent";
    case Role::admin:
        return "admin";
    }
    return "";
}

std::string_view right_text(Right right) noexcept
{
    switch (right) {
    case Right::open:
        return "open";
    case Right::own:
        return "own";
    case Right::read:
        return "read";
    case Right::operate:
        return "operate";
    case Right::report:
        return "report";
    case Right::manage:
        return "manage";
    }
    return "";
}

bool Key::may_touch(Ip const& ip) const noexcept { return ips.contains(ip); }

namespace {

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

/// A hint for who wrote the app's whole name and means the app: such an entry is one of its functions' now.
std::string hint_for(Key const& key, std::string const& app)
{
    if (std::find(key.apps.begin(), key.apps.end(), app) == key.apps.end()) return {};
    return "; its entry \"" + app + "\" is a function of another app: the app itself is written \"" + app +
           ".*\"";
}

} // namespace

bool Key::may_run(Instruction const& ins) const
{
    return std::any_of(apps.begin(), apps.end(), [&](auto const& own) { return covers(own, ins); });
}

bool Key::may_use(std::string_view app) const
{
    std::string const text(app);
    return std::any_of(apps.begin(), apps.end(), [&](auto const& own) { return covers_app(own, text); });
}

bool Key::has_all_ips() const noexcept { return ips.is_all(); }

bool Key::has_all_apps() const noexcept { return std::find(apps.begin(), apps.end(), "*") != apps.end(); }

bool Key::may_see(Ip const& ip, Instruction const& ins) const { return may_touch(ip) && may_run(ins); }

void Caller::require(Ip const& ip) const
{
    if (!may_touch(ip)) {
        throw Error(codes::forbidden,
            "key " + key->key + " has no rights on " + ip.text() + "; its iplist would have to hold it");
    }
}

void Caller::require_run(Instruction const& ins) const
{
    if (!may_run(ins)) {
        throw Error(codes::forbidden, "key " + key->key + " has no rights on " + ins.name() +
                                          "; its apps would have to hold it" + hint_for(*key, ins.app));
    }
    if (!ins.proxy.empty() && key && !key->may_choose_files()) {
        throw Error(codes::forbidden,
            "`ins.proxy` is " + shown(ins.proxy) + ", and key " + key->key +
                " does not have the right `files`: leave `ins.proxy` out, or give the key that right "
                "(elvesctl key set " +
                key->key + " --files true)");
    }
}

void Caller::require_app(std::string_view app) const
{
    if (!may_use(app)) {
        throw Error(codes::forbidden, "key " + key->key + " has no rights on app " + std::string(app) +
                                          "; its apps would have to hold it" +
                                          hint_for(*key, std::string(app)));
    }
}

void Caller::require_record(std::string const& what, Ip const& ip, Instruction const& ins) const
{
    if (audit) audit->about(ip, ins);
    if (!may_see(ip, ins)) throw Error(codes::forbidden, "key " + key->key + " has no rights on " + what);
}

} // namespace elves
