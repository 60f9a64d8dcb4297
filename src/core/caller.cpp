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

bool Key::may_touch(Ip const& ip) const noexcept
{
    return std::any_of(ips.begin(), ips.end(), [&](IpRange const& range) { return range.contains(ip); });
}

/// Names may have dots: only the last one of a glob is that before the function, or `a.b*` would be of app
/// `a.b`, too.
static bool covers(std::string const& own, Instruction const& ins)
{
    if (own == "*" || own == ins.app) return true;
    auto const dot = own.rfind('.');
    if (dot != std::string::npos)
        return fits(own.substr(0, dot), ins.app) && fits(own.substr(dot + 1), ins.func);
    return own.find_first_of("*?") != std::string::npos && fits(own, ins.name());
}

bool Key::may_run(Instruction const& ins) const
{
    return std::any_of(apps.begin(), apps.end(), [&](auto const& own) { return covers(own, ins); });
}

bool Key::may_use(std::string_view app) const
{
    return std::any_of(apps.begin(), apps.end(), [&](std::string const& own) {
        return own == "*" || own == app || fits(own.substr(0, own.rfind('.')), std::string(app));
    });
}

bool Key::has_all_ips() const noexcept
{
    return std::any_of(ips.begin(), ips.end(), [](IpRange const& range) { return range.is_all(); });
}

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
        throw Error(codes::forbidden,
            "key " + key->key + " has no rights on " + ins.name() + "; its apps would have to hold it");
    }
    if (!ins.proxy.empty() && key && !key->may_choose_files()) {
        throw Error(codes::forbidden,
            "`ins.proxy` is " + json_text(json::string(ins.proxy)) + ", and key " + key->key +
                " does not have the right `files`: leave `ins.proxy` out, or give the key that right "
                "(elvesctl key set " +
                key->key + " --files true)");
    }
}

void Caller::require_app(std::string_view app) const
{
    if (!may_use(app)) {
        throw Error(codes::forbidden, "key " + key->key + " has no rights on app " + std::string(app) +
                                          "; its apps would have to hold it");
    }
}

void Caller::require_record(std::string const& what, Ip const& ip, Instruction const& ins) const
{
    if (audit) audit->about(ip, ins);
    if (!may_see(ip, ins)) throw Error(codes::forbidden, "key " + key->key + " has no rights on " + what);
}

} // namespace elves
